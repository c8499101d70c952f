# SPDX-License-Identifier: MIT
# avl-check: what it lists, and how it ends.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

stream=$TOP/tests/golden/stream.tar

t 'a stream is listed' 0 '^avl-check: 2 records, 428 bytes, all intact$' -- avl-check "$stream"
cat >want <<'END'
a_000000    0.500000 s  frame.npy u1 (2, 3, 3)  audio.npy f4 (5)  note.txt 6 bytes
b-1       boxes.npy f8 (0, 5)
END
same 'a line a record' "$OUT" want
t '--json writes the seals and nothing else' 0 '' -- avl-check --json "$stream"
cat >want <<'END'
{"key":"a_000000","time":0.5,"source":"a.mp4","members":{"frame.npy":{"size":146,"crc32":FRAME,"dtype":"u1","shape":[2,3,3]},"audio.npy":{"size":148,"crc32":AUDIO,"dtype":"f4","shape":[5]},"note.txt":{"size":6,"crc32":909783072}}}
{"key":"b-1","members":{"boxes.npy":{"size":128,"crc32":BOXES,"dtype":"f8","shape":[0,5]}}}
END
sed -E 's/"frame.npy":\{"size":146,"crc32":[0-9]+/"frame.npy":{"size":146,"crc32":FRAME/
	s/"audio.npy":\{"size":148,"crc32":[0-9]+/"audio.npy":{"size":148,"crc32":AUDIO/
	s/"boxes.npy":\{"size":128,"crc32":[0-9]+/"boxes.npy":{"size":128,"crc32":BOXES/' "$OUT" >got
same 'a line of JSON a record' got want
t '-q writes nothing' 0 '' -- avl-check -q "$stream"
is 'at all' "$(cat "$OUT")" ''
t '-v says what made the stream' 0 "stream.tar': made by test \{\"rate\":1\}" -- avl-check -v "$stream"
t 'standard input' 0 '2 records' -- sh -c "avl-check <$stream"
t 'a pipe' 0 '2 records' -- sh -c "cat $stream | avl-check -"
t 'gzip' 0 '2 records' -- sh -c "gzip -c $stream | avl-check"
t 'many files' 0 '4 records, 856 bytes' -- avl-check "$stream" "$stream"

head -c 5000 "$stream" >cut.tar
t 'a cut is an error' 1 "^avl-check: 'cut.tar': byte 5000: the stream is cut off$" -- \
	avl-check cut.tar
matches 'the records before it are listed' '^a_000000 ' "$OUT"
size=$(wc -c <"$stream")
head -c $((size - 512)) "$stream" >half.tar
t 'half an end is an error' 1 "'half.tar': byte $((size - 512)): the stream is cut off" -- avl-check half.tar
t_lines 2 'every damaged file is named' 1 'half.tar' -- avl-check -q half.tar "$stream" cut.tar
gzip -c "$stream" | head -c 300 >cut.gz
t 'cut gzip is an error' 1 "'cut.gz': .*gzip: the data is cut off" -- avl-check -q cut.gz
t 'a full device is an error' 1 'No space left on device' -- sh -c "avl-check -q $stream >/dev/null && avl-check --json $stream >/dev/full"
status=$(pipe_status avl-check "$stream")
case $status in
0 | 141) pass 'a closed pipe is quiet' ;;
*) fail 'a closed pipe is quiet' "status $status" ;;
esac
t 'no such option' 2 'avl-check' -- avl-check --no-such-option
done_testing
