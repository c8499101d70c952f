# SPDX-License-Identifier: MIT
# avl-truth: every format, what matches what, and what is wrong with the published files.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

# truth NAME OPTION...: the records that mkrecord makes of stdin, with truth; one JSON line each
truth() {
	mkrecord >in.tar
	avl-truth "$@" in.tar >out.tar 2>"$ERR" && avl-check --json out.tar >"$OUT"
}

printf '%s' '[{"file":"abcdefghijk_000056","class":"elk bugling","bbox":[[0.4,0.25,0.6,0.75]]},
{"file":"-2sOH8XovEE_000484","class":"toilet flushing","bbox":[[0,0,1,1],[0.1,0.1,0.2,0.2]]},
{"file":"Db6Hjt0x28k_000056","class":"x","bbox":[[0.5,0.5,-2.8823037615171176e+16,0.9],[0.1,0.2,0.5,0.6]]},
{"file":"M1P1xla8rg0_000000","class":"playing tambourine","bbox":[[0.6,0.5,0.2,0.9]]},
{"file":"nothing0000_000001","class":"y","bbox":[]}]' >vggss.json

truth --vggss vggss.json <<-'END'
	record abcdefghijk_000056
	record some_key
	seal source clips/abcdefghijk_000056.mp4
	record abcdefghijk_000056_000005000000
	seal source abcdefghijk_000056.mp4
	seal time 5
	record ms
	seal source abcdefghijk_56000_66000.wav
	record -2sOH8XovEE_000484
	record unknown
END
is 'VGG-SS is found by key, by stem, by stem in milliseconds, and with a leading -' \
	"$(grep -c '"from":"vggss"' "$OUT")" 5
is 'the class goes into the seal' "$(grep -c '"class":"elk bugling"' "$OUT")" 4
matches 'two boxes are two rows' '"key":"-2sOH8XovEE_000484".*"shape":\[2,5\]' "$OUT"
is 'an unknown record passes unchanged' "$(grep '"key":"unknown"' "$OUT")" '{"key":"unknown","members":{}}'
matches 'unknown records are counted' '5 of 6 records are annotated' "$ERR"
is 'nothing else is said' "$(wc -l <"$ERR")" 1

truth --vggss vggss.json <<-'END'
	record Db6Hjt0x28k_000056
	record M1P1xla8rg0_000000
	record nothing0000_000001
	record abcdefghijk_000056
	seal time 2.5
END
matches 'a value of -2.88e16 is survived and named' \
	"record 'Db6Hjt0x28k_000056': vggss entry 'Db6Hjt0x28k_000056' holds -2.88230.*e.16, outside" "$ERR"
matches 'its record keeps both boxes' '"key":"Db6Hjt0x28k_000056","truth":\{.*"clipped":1\}.*"shape":\[2,5\]' "$OUT"
matches 'an inverted box is named' "record 'M1P1xla8rg0_000000': no box of vggss entry 'M1P1xla8rg0_000000' has an area" "$ERR"
matches 'an inverted box stays a row' '"key":"M1P1xla8rg0_000000".*"shape":\[1,5\]' "$OUT"
matches 'an entry without boxes is no visible source' '"key":"nothing0000_000001".*"shape":\[0,5\]' "$OUT"
matches 'and is named' "vggss entry 'nothing0000_000001' has no box" "$ERR"
matches 'a frame of another time is named' "record 'abcdefghijk_000056' is at 2.5 s: VGG-SS boxes are of the frame at 5 s" "$ERR"

mkdir xml
printf '<?xml version="1.0"?>\n<annotation><object><bbox><worker>w1</worker><xmin>26</xmin><ymin> 127 </ymin><xmax>183</xmax><ymax>256</ymax></bbox>
<bbox><worker/><xmin>119</xmin><ymin>91</ymin><xmax>170</xmax><ymax>163</ymax></bbox></object></annotation>' >xml/100.xml
printf 'id\tbox_index\txmin\tymin\txmax\tymax\n100\t0\t26\t127\t183\t256\r\n100\t1\t119\t91\t170\t163\n4041\t0\t60\t80\t60\t80' >flickr.tsv
for form in xml flickr.tsv; do
	truth --flickr $form <<-'END'
		record p_000000000000
		seal source 100.jpg
	END
	matches "Flickr by $form: a row a box" '"from":"flickr".*"shape":\[2,5\]' "$OUT"
	tar xOf out.tar p_000000000000.boxes.npy >boxes.$form
done
same 'the XML and the rows give the same boxes' boxes.xml boxes.flickr.tsv
is 'pixels of 256 become fractions, and each box has its annotator' \
	"$(tail -c 80 boxes.xml | od -An -v -t f8 -w40 | tr -s ' ' | sed 's/^ //')" \
	"0.1015625 0.49609375 0.71484375 1 0
0.46484375 0.35546875 0.6640625 0.63671875 1"
echo 'record 4041' | truth --flickr flickr.tsv
matches 'a box of one point is named' "no box of flickr entry '4041' has an area" "$ERR"

printf '%s' '[{"image":"/a/b/cat_dog_7_cat.jpg","audio":"/a/c.wav","gt_box":[61.0,115.0,122.0,224.0]},
{"image":"/a/b/cat_dog_7_dog.jpg","audio":"/a/d.wav","gt_box":[1,2,3,4]}]' >is3.json
printf 'record k\nseal source cat_dog_7_cat.jpg\n' | truth --is3 is3.json
matches 'IS3: the object and the other one' '"boxes.npy":.*"shape":\[1,5\].*"other.npy":.*"shape":\[1,5\]' "$OUT"

printf 'key\tx0\ty0\tx1\ty1\na\t0.1\t0.2\t0.3\t0.4\t2\nb\na\t0\t0\t1\t1' >boxes.tsv
printf 'record a\nrecord b\nrecord c\nseal source x/b.png\n' | truth --boxes boxes.tsv
is 'rows of boxes; a key alone is no visible source' \
	"$(grep -o '"key":"."\|"shape":[^}]*' "$OUT" | paste -sd ' ')" \
	'"key":"a" "shape":[2,5] "key":"b" "shape":[0,5] "key":"c" "shape":[0,5]'

printf 'video,audio,label\n100,200,non-sounding\nv1,v1,non-sounding\n300,400,sounding' >silent.csv
truth --silent silent.csv --flickr flickr.tsv <<-'END'
	record own
	seal source 100.jpg
	record pair
	seal source 100.jpg
	seal sound 200.wav
	record other
	seal source 100.jpg
	seal sound 201.wav
	record twice
	seal source v1.jpg
	record label
	seal source 300.jpg
	seal sound 400.wav
END
is 'a silent pair is told from the picture with its own sound' \
	"$(grep -o '"key":"[a-z]*"\|"from":"[a-z]*"' "$OUT" | paste -sd ' ')" \
	'"key":"own" "from":"flickr" "key":"pair" "from":"silent" "key":"other" "from":"flickr" "key":"twice" "from":"silent" "key":"label"'

mkdir -p masks/deep
mkstream -n 1 -s 8x6 -K m | avl-heatmap -o heat.png 2>/dev/null && cp heat.png masks/deep/m_000001.png
printf 'record m_000001\nrecord z\nseal source q/m_000001.mp4\n' | truth --masks masks
is 'masks are found in folders, by key and by stem' "$(grep -c '"mask.npy":.*"dtype":"u1","shape":\[6,8\]' "$OUT")" 2

mkrecord >in.tar <<-'END'
	record a
END
printf '[{"file":"a","bbox":[[1,2,3]]}]' >three.json
printf '[{"file":"a","bbox":[[1,2,3,"x"]]}]' >word.json
printf '{"file":"a"}' >object.json
printf '[{' >cut.json
printf 'a\t1\t2\n' >short.tsv
printf 'a\t1\t2\t3\tnan\n' >nan.tsv
printf 'a,b\n' >short.csv
mkdir empty badxml
printf '<a><b><bbox><w/><xmin>1</xmin><ymin>x</ymin></bbox></b></a>' >badxml/1.xml
printf 'no xml' >masks/a.png
t 'a box of three numbers' 1 "'three.json' item 0: a box is not four numbers" -- avl-truth --vggss three.json in.tar
t 'a box of words' 1 "'word.json' item 0: a box is not four numbers" -- avl-truth --vggss word.json in.tar
t 'an object for a list' 1 "'object.json': is no JSON array" -- avl-truth --vggss object.json in.tar
t 'JSON that is cut off' 1 "'cut.json': bad JSON" -- avl-truth --vggss cut.json in.tar
t 'a missing file' 1 "'none.json': No such file" -- avl-truth --vggss none.json in.tar
t 'a short row' 1 "'short.tsv' line 1: is not: key" -- avl-truth --boxes short.tsv in.tar
t 'not a number' 1 "'nan.tsv' line 1: is not: key" -- avl-truth --boxes nan.tsv in.tar
t 'a short silent row' 1 "'short.csv' line 1: is not: video" -- avl-truth --silent short.csv in.tar
t 'a folder without XML' 1 "'empty': holds no .xml file" -- avl-truth --flickr empty in.tar
t 'XML without numbers' 1 "'badxml/1.xml': box 1 is not four numbers" -- avl-truth --flickr badxml in.tar
t 'a folder without masks' 1 "'empty': holds no .png file" -- avl-truth --masks empty in.tar
t 'a mask that is no PNG' 1 "record 'a': 'masks/a.png': " -- sh -c 'avl-truth -q --boxes boxes.tsv --masks masks in.tar >out.tar'
t 'what was read before still is a whole stream' 0 '' -- avl-check -q out.tar
t 'no record is annotated' 1 'none of 1 records is among the 4 annotated names' -- \
	sh -c 'avl-truth --flickr flickr.tsv --silent silent.csv in.tar >out.tar'
t 'nothing is asked for' 1 'no annotations were named' -- sh -c 'avl-truth in.tar >out.tar'
t 'a full disk' 1 '^avl-truth: ' -- sh -c 'avl-truth --boxes boxes.tsv in.tar >/dev/full'
is 'a closed pipe is quiet' "$(pipe_status sh -c 'avl-truth --boxes boxes.tsv in.tar' | sed 's/141/0/')" 0
done_testing
