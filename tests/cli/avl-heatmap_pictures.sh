#!/bin/sh
# SPDX-License-Identifier: MIT
# avl-heatmap: pictures, videos and records from generated streams.
. "$TOP/tests/cli/lib.sh"

MK=$BIN/../tests/mkstream
[ -x "$MK" ] || {
	skip 'avl-heatmap on generated streams' "no mkstream: make tests"
	done_testing
}

# size FILE: the width and height in a PNG's header
size() {
	od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'
}
kind() {
	od -An -c -j1 -N3 "$1" | tr -d ' '
}
bytes() {
	wc -c <"$1" | tr -d ' '
}

"$MK" -s 321x240 -l Dog:0.72 >one.tar
"$MK" -n 3 -s 64x48 -l Dog:0.72 -a 100 >three.tar
"$MK" -n 3 -s 63x49 -k 2 -l Dog:0.72 -l Cat:0.3 >many.tar

t 'one record gives one PNG on stdout' 0 '' -- avl-heatmap one.tar
is 'it is a PNG' "$(kind "$OUT")" PNG
is 'of the size of the frame' "$(size "$OUT")" 321x240
cp "$OUT" one.png
t 'stdin is read where nothing is named' 0 '' -- sh -c 'avl-heatmap <one.tar'
same 'the same picture' "$OUT" one.png
t '- names stdin and stdout' 0 '' -- sh -c 'avl-heatmap -o - - <one.tar'
same 'the same picture again' "$OUT" one.png
t '-o FILE.png writes it' 0 '' -- avl-heatmap -o two.png one.tar
same 'the same picture in a file' two.png one.png
t 'threads do not change it' 0 '' -- avl-heatmap -j 3 --box --contour --peak -o t3.png one.tar
avl-heatmap -j 1 --box --contour --peak -o t1.png one.tar
same 'the same picture from three threads' t3.png t1.png

for look in --box --contour --peak --solid --no-label '--alpha 1' '--colormap turbo' \
	'--colormap viridis' '--colormap inferno' '--colormap grey' '--range 0:2'; do
	# shellcheck disable=SC2086 # two words
	avl-heatmap $look one.tar >look.png
	if cmp -s look.png one.png; then
		fail "$look changes the picture"
	else
		pass "$look changes the picture"
	fi
done
avl-heatmap --label --colormap jet --alpha 0.5 --threshold 0.5 one.tar >look.png
same 'the defaults are what the manual says' look.png one.png

t '-o DIR writes one file a record' 0 '' -- avl-heatmap -o a/b/ three.tar
is 'named by the keys' "$(cd a/b && echo *)" 'test_000000.png test_000001.png test_000002.png'
t 'an existing directory needs no slash' 0 '' -- avl-heatmap -o a one.tar
is 'it went there' "$(kind a/test_000000.png)" PNG
mkdir dir.png
t 'even where it is called like a picture' 0 '' -- avl-heatmap -o dir.png one.tar
same 'it went there too' dir.png/test_000000.png one.png

t '--raw writes bare RGB' 0 '' -- avl-heatmap --raw three.tar
is 'frames of width x height x 3' "$(bytes "$OUT")" $((3 * 64 * 48 * 3))
t '--y4m writes a header and frames' 0 '' -- avl-heatmap --y4m three.tar
is 'at the rate of the records' "$(head -n 1 "$OUT")" \
	'YUV4MPEG2 W64 H48 F1:1 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED'
is 'of the right length' "$(bytes "$OUT")" $(($(head -n 1 "$OUT" | wc -c) + 3 * (6 + 64 * 48 * 3 / 2)))
cp "$OUT" video.y4m
"$MK" -n 3 -f 29.97 | avl-heatmap --y4m | head -n 1 >header
matches 'film rates are found' 'F30000:1001 ' header
"$MK" -n 1 | avl-heatmap --y4m | head -n 1 >header
matches 'a single frame lasts a second' 'F1:1 ' header
avl-heatmap --y4m --fps 12.5 --chroma 444 many.tar >444.y4m
is 'the rate and chroma can be chosen' "$(head -n 1 444.y4m)" \
	'YUV4MPEG2 W63 H49 F25:2 Ip A1:1 C444 XCOLORRANGE=LIMITED'
is 'odd sides make whole frames' "$(bytes 444.y4m)" $(($(head -n 1 444.y4m | wc -c) + 3 * (6 + 63 * 49 * 3)))
if have ffmpeg; then
	t 'ffmpeg reads the video' 0 '' -- sh -c \
		'ffmpeg -v error -i - -f rawvideo -pix_fmt rgb24 - <video.y4m'
	is 'all of it' "$(bytes "$OUT")" $((3 * 64 * 48 * 3))
else
	skip 'ffmpeg reads the video' 'not installed'
fi

t '--records passes the records on' 0 '' -- avl-heatmap --records three.tar
cp "$OUT" with.tar
is 'with heat.png added' "$(tar tf with.tar | grep -c 'heat\.png$')" 3
is 'and all the rest' "$(tar tf with.tar | grep -v 'heat\.png$')" "$(tar tf three.tar)"
tar xf with.tar test_000001.heat.png
avl-heatmap -o a/b three.tar
same 'the picture is the same as in a file' test_000001.heat.png a/b/test_000001.png
tar xOf three.tar test_000001.audio.npy >audio.1
tar xOf with.tar test_000001.audio.npy >audio.2
same 'the sound is untouched' audio.1 audio.2
t 'what was passed on can be drawn again' 0 '' -- avl-heatmap -o again with.tar
same 'alike' again/test_000002.png a/b/test_000002.png
t '-z compresses' 0 '' -- avl-heatmap --records -z three.tar
is 'with gzip' "$(od -An -tx1 -N2 "$OUT" | tr -d ' ')" 1f8b

t 'several maps are drawn at once' 0 '' -- avl-heatmap -o k many.tar
t 'or one of them' 0 '' -- avl-heatmap --source 2 -o k2 many.tar
t 'or heat.npy' 0 '' -- avl-heatmap --source 0 -o k0 many.tar
is 'three different pictures' "$(cksum k/*0.png k2/*0.png k0/*0.png | cut -d ' ' -f 1 | sort -u |
	wc -l | tr -d ' ')" 3
t_lines 1 'a source that is not there is named' 1 "test_000000' and 2 more records: .*no map of source 3" \
	-- avl-heatmap --source 3 -o k3 many.tar

"$MK" -k 0 -s 63x49 -l Dog:0.72 >silent.tar
t 'no maps of sounds: heat.npy is drawn' 0 '' -- avl-heatmap -o silent.png silent.tar
t_lines 1 'and none can be asked for' 1 'no map of source 1' -- \
	avl-heatmap --source 1 -o k silent.tar

t '--ansi draws text' 0 '' -- avl-heatmap --ansi --width 20 three.tar
is 'a key and some lines a record' "$(grep -c . "$OUT")" $((3 * (1 + 8)))
matches 'in half blocks' '▀' "$OUT"

for options in '-s 1x1' '-s 3x7' '-s 400x2' '-s 2x400' '-m 1x1' '-m 100x1' '-r 0.1,0.2,0.3,0.4' \
	'-r 0.99999,0.99999,1,1' '-H zero' '-H flat' '-H negative' '-H signed' '-k 9'; do
	# shellcheck disable=SC2086 # words
	"$MK" $options -l 'Dog:0.5' >odd.tar
	t "mkstream $options can be drawn" 0 '' -- avl-heatmap --box --contour --peak odd.tar
done
"$MK" -H flat -s 80x60 >flat.tar
"$MK" -H negative -s 80x60 >negative.tar
avl-heatmap flat.tar >flat.png
avl-heatmap --solid negative.tar >negative.png
avl-heatmap --alpha 0 flat.tar >bare.png
same 'a flat map shows no heat' flat.png bare.png
same 'a map below 0 shows no heat' negative.png bare.png
done_testing
