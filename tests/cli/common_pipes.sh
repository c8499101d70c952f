# SPDX-License-Identifier: MIT
# The whole pipeline on the demo's clip: a reader that goes away, a disk that is full, a producer
# that is cut off; and the same bytes every time, whatever the number of threads.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

clip=$TOP/tests/data/demo.mp4
t 'records are extracted' 0 '' -- avl-extract -w 2 -t 0.5,5.5 -o records.tar "$clip"
t 'records are localized' 0 '' -- avl-localize -o heat.tar records.tar
t 'heat is drawn' 0 '' -- avl-heatmap --records -o drawn.tar heat.tar

# Each command of the pipeline, as a line of shell.
cat >commands <<LINES
avl-extract -w 2 -t 0.5,5.5 '$clip'
avl-localize records.tar
avl-heatmap --records heat.tar
avl-heatmap --y4m heat.tar
avl-heatmap --raw heat.tar
avl-check --json heat.tar
LINES

while read -r line; do
	tool=${line%% *}
	t "$line to a full disk" 1 "^$tool: .*No space left on device" -- sh -c "$line >/dev/full"
	status=$(pipe_status sh -c "exec $line")
	case $status in
	0 | 141) is "$line into a closed pipe is quiet" "$(cat "$ERR")" '' ;;
	*) fail "$line into a closed pipe" "status $status
$(cat "$ERR")" ;;
	esac
	t "$line on a closed stdout" 1 "^$tool: .*Bad file descriptor" -- sh -c "$line >&-"
done <commands

for tool in avl-extract avl-localize avl-heatmap; do
	case $tool in
	avl-extract) line="avl-extract -w 2 -t 0.5,5.5 '$clip'" made=records.tar ;;
	avl-localize) line='avl-localize records.tar' made=heat.tar ;;
	avl-heatmap) line='avl-heatmap --records heat.tar' made=drawn.tar ;;
	esac
	for threads in 1 2 3; do
		t "$tool with $threads threads" 0 '' -- sh -c "$line -j $threads >again.tar"
		same "$tool: the same bytes from $threads threads" again.tar "$made"
	done
	t "$tool -o /dev/full" 1 "^$tool: '/dev/full': .*No space left on device\$" -- \
		sh -c "$line -o /dev/full"
	t "$tool -o into no directory" 1 "^$tool: 'none/x': No such file or directory\$" -- \
		sh -c "$line -o none/x"
done
# A record leaves when it is done, not when the next one comes: the end of the stream is held back
# until the record has been written.
held_back() { # STREAM SIZE: feeds STREAM; its end when the file "made" has SIZE bytes
	head -c -1024 "$1"
	tries=600
	while [ "$(wc -c <made)" -lt "$2" ] && [ "$tries" -gt 0 ]; do
		sleep 0.1
		tries=$((tries - 1))
	done
	[ "$tries" -eq 0 ] || tail -c 1024 "$1"
}
for line in 'avl-localize one.tar' 'avl-heatmap --records one.heat.tar'; do
	tool=${line%% *} stream=${line##* }
	if [ "$tool" = avl-localize ]; then
		t 'one record is extracted' 0 '' -- avl-extract -w 2 -t 0.5 -o one.tar "$clip"
		t 'one record is localized' 0 '' -- avl-localize -o one.heat.tar one.tar
	fi
	$line >whole
	: >made
	held_back "$stream" $(($(wc -c <whole) - 1024)) | ${line% *} >made
	same "$tool: a record leaves before the next one arrives" made whole
done

is 'no temporary is left' "$(find . -name '.avl-*')" ''

for tool in avl-localize avl-heatmap avl-check; do
	options=
	[ "$tool" != avl-heatmap ] || options=--records
	for cut in 700 100000; do
		head -c -"$cut" heat.tar >cut.tar
		t "$tool: a stream that lacks its last $cut bytes" 1 "^$tool: 'cut.tar': " -- \
			sh -c "$tool $options cut.tar >part.tar"
		[ "$tool" = avl-check ] ||
			t "$tool: what came of $cut bytes less is cut off, too" 1 \
				"^avl-check: 'part.tar': " -- avl-check -q part.tar
	done
done
done_testing
