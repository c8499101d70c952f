# SPDX-License-Identifier: MIT
# The stream and tar(1).
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

stream=$TOP/tests/golden/stream.tar

if ! have tar; then
	skip 'tar lists and extracts a stream' 'tar is not installed'
	done_testing
fi

t 'tar lists a stream' 0 '' -- tar tvf "$stream"
is 'all members are there, in their order' "$(awk '{ print $NF }' "$OUT" | tr '\n' ' ')" \
	'__avl__/stream.json a_000000.frame.npy a_000000.audio.npy a_000000.note.txt a_000000.json b-1.boxes.npy b-1.json '
is 'headers say nothing of who wrote it and when' \
	"$(TZ=UTC tar tvf "$stream" | sed -nE '/^-rw-r--r-- 0\/0 +[0-9]+ 1970-01-01 00:00 /!p')" ''
mkdir parts
t 'tar extracts a stream' 0 '' -- tar xf "$stream" -C parts
is 'a member comes out as it went in' "$(cat parts/a_000000.note.txt)" hello

# the same files in a new archive of GNU tar are a stream again: other headers, tape blocks, zeros
(cd parts && tar cf ../again.tar __avl__/stream.json a_000000.frame.npy a_000000.audio.npy \
	a_000000.note.txt a_000000.json b-1.boxes.npy b-1.json)
t 'what tar writes is read' 0 '2 records, [0-9]+ bytes, all intact' -- avl-check again.tar
avl-check "$stream" >first 2>&1
avl-check again.tar >second 2>&1
same 'and says the same' first second

(cd parts && tar cf ../shuffled.tar __avl__/stream.json a_000000.json a_000000.frame.npy)
t 'a record whose seal is not last is refused' 1 "'shuffled.tar': record 'a_000000', byte " -- \
	avl-check shuffled.tar
(cd parts && tar cf ../bare.tar a_000000.frame.npy a_000000.json)
t 'an archive without a stream header is refused' 1 "'bare.tar': not an avl stream" -- \
	avl-check bare.tar
(cd parts && tar cf ../folder.tar __avl__)
t 'a folder in the archive is refused' 1 "'folder.tar': .*type '5'" -- avl-check folder.tar
cat "$stream" "$stream" >double.tar
t 'one stream behind another is refused' 1 "'double.tar': byte [0-9]+: data behind the end" -- \
	avl-check double.tar
done_testing
