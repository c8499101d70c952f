# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What cannot be read is reported in one line, by name, with status 1; a wrong command line is
# status 2; what is good comes out all the same.
. "$TOP/tests/cli/lib.sh"

x() {
	avl-extract -w 1 -a 16000 "$@"
}

records() {
	avl-check --json "$1" 2>/dev/null | wc -l
}

# A PNG header that promises 30000 x 30000 pixels, and a WAV of half a second of
# silence, and a BMP of one pixel.
bomb='\211PNG\r\n\032\n\0\0\0\015IHDR\0\0\165\060\0\0\165\060\010\002\0\0\0'
printf '%b\352\246\131\205\0\0\0\0IEND\256B`\202' "$bomb" >bomb.png
{
	printf 'RIFF\244\037\0\0WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\200\076\0\0\002\0\020\0data\200\037\0\0'
	head -c 8064 /dev/zero
} >quiet.wav
printf 'BM:\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\001\0\0\0\001\0\0\0\001\0\030\0\0\0\0\0\004\0\0\0' >dot.bmp
printf '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\012\024\036\0' >>dot.bmp
: >empty.mp4
echo 'this is no media file' >text.mp4
mkdir folder.mp4
head -c 3000 quiet.wav >cut.wav
head -c 65536 /dev/zero >zeros.mp4

t 'a missing file' 1 "avl-extract: 'none.mp4': No such file" -- x none.mp4
t 'a directory' 1 "'folder.mp4': Is a directory" -- x folder.mp4
t 'an empty file' 1 "'empty.mp4': is empty" -- x empty.mp4
t 'a text file' 1 "'text.mp4': is no media file" -- x text.mp4
t 'zeros' 1 "'zeros.mp4': is no media file" -- x zeros.mp4
t 'a device' 1 "'/dev/null': is neither a file nor a pipe" -- x /dev/null
t 'an empty stdin' 1 "'stdin': is empty" -- sh -c ': | avl-extract -w 1 -a 0 -'
t 'a picture of absurd size' 1 "'bomb.png': " -- x bomb.png
t 'a cut WAV' 1 "'cut.wav': is cut off" -- x cut.wav
t 'a sound with no picture to it' 1 "'quiet.wav': has no picture" -- x --audio quiet.wav quiet.wav
t 'a missing sound' 1 "none.wav: No such file" -- x --audio none.wav dot.bmp
t 'no keyframe in a sound' 1 "'quiet.wav': has no keyframe" -- x -k quiet.wav
t 'a time past the end' 1 "'quiet.wav': ends at 0.504 s, so nothing is at 9 s" -- x -t 0.1,9 quiet.wav
t '... by a hair' 1 "'quiet.wav': ends at 0.504 s, so nothing is at 0.504001 s" -- x -t 0.504001 quiet.wav
t '... and those before it are written' 1 'before 2 of the times, the first 3 s' \
	-- x -t 3,0.1,0.2,4 -o past.tar quiet.wav
is '... two records' "$(records past.tar)" 2
t 'a still of one pixel with its sound' 0 '' -- x --audio quiet.wav -o dot.tar dot.bmp
is '... one record' "$(records dot.tar)" 1
ln -s quiet.wav link.wav
cp quiet.wav before.wav
t 'an output that is an input' 2 "-o: 'link.wav' is read, too" -- x -o link.wav dot.bmp quiet.wav
t '... that is a sound' 2 "-o: 'quiet.wav' is read, too" -- x --audio quiet.wav -o quiet.wav dot.bmp
t '... is left alone' 0 '' -- cmp before.wav quiet.wav
t 'the rest goes on' 1 "'text.mp4'" -- x -o rest.tar quiet.wav text.mp4
is '... one record' "$(records rest.tar)" 1
t 'a full disk' 1 'No space left' -- sh -c 'avl-extract -w 1 -a 0 quiet.wav >/dev/full'
t 'a missing model' 1 "nowhere.safetensors" -- avl-extract -m nowhere.safetensors quiet.wav
t 'a missing default model' 1 "no default model, so name one with -m, or give both -w and -a" \
	-- env AVL_MODEL=nowhere avl-extract -w 1 quiet.wav

while IFS='|' read -r name regex arguments; do
	# shellcheck disable=SC2086 # the arguments are words
	t "$name" 2 "$regex" -- avl-extract $arguments quiet.wav
done <<'END'
a window of no length|'0' is neither 'all' nor within|-a 0 -w 0
a window of no number|'x' is neither 'all'|-a 0 -w x
a negative window|'-1' is neither 'all'|-a 0 -w -1
a window that never ends|'inf' is neither|-a 0 -w inf
a rate of zero|is not within|-w 1 -a 0 -r 0
a sample rate of nothing|'5' is neither 0 nor within|-w 1 -a 5
a list of no times|is not a list of times|-w 1 -a 0 -t ,
a negative time|is not a list of times|-w 1 -a 0 -t -1
a time with a tail|is not a list of times|-w 1 -a 0 -t 1s
a size of nothing|is neither WxH nor MAX|-w 1 -a 0 -s 0
half a size|is neither WxH nor MAX|-w 1 -a 0 -s 3x
an absurd size|is neither WxH nor MAX|-w 1 -a 0 -s 99999x2
two ways to choose times|only one of|-w 1 -a 0 -k -r 2
part 0 of 2|is not I/N|-w 1 -a 0 --shard 0/2
part 3 of 2|is not I/N|-w 1 -a 0 --shard 3/2
no part at all|is not I/N|-w 1 -a 0 --shard 3
no threads|is not within|-w 1 -a 0 -j 0
stdin twice|may be named once|-w 1 -a 0 - -
a list beside a file|takes no FILE|-w 1 -a 0 --list rows
an unknown option|unknown option|--no-such-thing
END

printf 'a\tquiet.wav\t-\t0\tx\n' >five.tsv
printf 'a\t-\t-\n' >nothing.tsv
printf '# note\n\nk\t-\tquiet.wav\tsoon\n' >soon.tsv
printf '\tquiet.wav\n' >nokey.tsv
printf 'k\t-\tnone.wav\nl\t-\tquiet.wav\t0.1\n' >half.tsv
t 'a list with five columns' 1 "'five.tsv': line 1: more than 4 columns" -- x --list five.tsv
t 'a row with nothing in it' 1 'line 1: neither picture nor sound' -- x --list nothing.tsv
t 'a row with a wrong time' 1 "line 3: 'soon' is no time" -- x --list soon.tsv
t 'a row without a key' 1 'line 1: no key' -- x --list nokey.tsv
printf '\357\273\277marked\tquiet.wav\t-\t0.1\n' >marked.tsv
printf 'k\t-\tquiet.wav\t0.1\nl\t-\t-\nm\t-\tquiet.wav\t0.2\n' >gap.tsv
t 'a wrong row between good ones' 1 "'gap.tsv': line 2: neither picture nor sound" -- \
	x --list gap.tsv -o gap.tar
is '... spoils neither' "$(avl-check --json gap.tar | grep -c '"time":0.[12],')" 2
t 'a list from a spreadsheet' 0 '' -- x --list marked.tsv -o marked.tar
is '... its mark is no part of a key' "$(tar tf marked.tar | grep -c '^marked\.')" 2
t 'a row whose file is missing' 1 "'none.wav': No such file" -- x --list half.tsv -o half.tar
is '... the other row is written' "$(avl-check --json half.tar 2>/dev/null | grep -c '"time":0.1,')" 1

demo=$TOP/tests/data/demo.mp4
if [ -f "$demo" ]; then
	size=$(wc -c <"$demo")
	for part in 1 10 50 90 99; do
		head -c $((size * part / 100)) "$demo" >cut.mp4
		t "an MP4 cut at $part %" 1 "'cut.mp4': is " -- x cut.mp4
	done
	head -c $((size - 1)) "$demo" >cut.mp4
	t 'an MP4 cut by one byte' 1 "'cut.mp4': is cut off" -- x cut.mp4
	head -c $((size / 2)) "$demo" >cut.mp4
	t 'a cut MP4 from a pipe' 1 "'stdin': is " -- sh -c 'avl-extract -w 1 -a 0 - <cut.mp4 >cut.tar'
fi
done_testing
