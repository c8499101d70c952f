# shellcheck shell=sh
# What the command tests share. A test is a POSIX shell script run in an empty directory of its
# own, with BIN (where the commands are) and TOP (the top of the sources) in its environment. It
# reads this file, runs its checks, and ends with done_testing:
#
#	. "$TOP/tests/cli/lib.sh"
#	t 'a missing file is named' 1 "'no.tar': No such file" -- avl-check no.tar
#	done_testing
#
# What the last command of t wrote stands in the files $OUT and $ERR.

: "${BIN:?}" "${TOP:?}"
PATH=$BIN:$PATH
LC_ALL=C
export PATH LC_ALL

t_dir=$PWD/.t
mkdir -p "$t_dir"
OUT=$t_dir/stdout
ERR=$t_dir/stderr
t_count=0
t_failed=0

# pass NAME
pass() {
	t_count=$((t_count + 1))
	printf 'ok %d - %s\n' "$t_count" "$1"
}

# fail NAME [MESSAGE]
fail() {
	t_count=$((t_count + 1))
	t_failed=$((t_failed + 1))
	printf 'not ok %d - %s\n' "$t_count" "$1"
	[ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# skip NAME WHY
skip() {
	t_count=$((t_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$t_count" "$1" "$2"
}

# done_testing: the last line of every script
done_testing() {
	printf '1..%d\n' "$t_count"
	[ "$t_failed" -eq 0 ]
	exit
}

# have COMMAND: whether it is installed
have() {
	command -v "$1" >/dev/null 2>&1
}

t_stderr() {
	head -n 20 "$ERR" | cut -c 1-300
}

# t NAME STATUS REGEX -- COMMAND...
# COMMAND must end with STATUS; its stderr must match the extended REGEX, or be empty where REGEX
# is. Where STATUS is 1 or 2, stderr must be one line: t_lines is for the rest.
t() {
	case $2 in
	1 | 2) t_lines 1 "$@" ;;
	*) t_lines any "$@" ;;
	esac
}

# t_lines N NAME STATUS REGEX -- COMMAND...: as t, and stderr has N lines ("any": as many as it
# likes)
t_lines() {
	t_want_lines=$1 t_name=$2 t_want=$3 t_regex=$4
	shift 5
	"$@" >"$OUT" 2>"$ERR"
	t_status=$?
	if [ "$t_status" -ne "$t_want" ]; then
		fail "$t_name" "exit status $t_status instead of $t_want: $*
$(t_stderr)"
	elif [ -z "$t_regex" ] && [ -s "$ERR" ]; then
		fail "$t_name" "stderr is not empty: $*
$(t_stderr)"
	elif [ -n "$t_regex" ] && ! grep -Eq -e "$t_regex" "$ERR"; then
		fail "$t_name" "stderr does not match /$t_regex/: $*
$(t_stderr)"
	elif [ -n "$t_regex" ] && [ "$t_want_lines" != any ] &&
		[ "$(wc -l <"$ERR")" -ne "$t_want_lines" ]; then
		fail "$t_name" "$(wc -l <"$ERR") lines on stderr instead of $t_want_lines: $*
$(t_stderr)"
	else
		pass "$t_name"
	fi
}

# is NAME GOT WANTED: two texts are the same
is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:    $2
wanted: $3"
	fi
}

# same NAME FILE FILE: two files are the same, byte for byte
same() {
	if t_diff=$(cmp "$2" "$3" 2>&1); then
		pass "$1"
	else
		fail "$1" "$t_diff"
	fi
}

# differ NAME FILE FILE: two files are not the same
differ() {
	if cmp -s "$2" "$3"; then
		fail "$1"
	else
		pass "$1"
	fi
}

# matches NAME REGEX FILE: a line of FILE matches the extended REGEX
matches() {
	if grep -Eq -e "$2" "$3"; then
		pass "$1"
	else
		fail "$1" "no line matches /$2/:
$(head -n 20 "$3" | cut -c 1-300)"
	fi
}

# golden NAME FILE: FILE is what tests/golden/cli/NAME holds; GOLDEN=update (make golden) writes it
golden() {
	t_golden=$TOP/tests/golden/cli/$1
	if [ "${GOLDEN-}" = update ]; then
		mkdir -p "$(dirname "$t_golden")"
		cp "$2" "$t_golden"
		pass "golden $1 written"
	elif cmp -s "$2" "$t_golden"; then
		pass "golden $1"
	else
		fail "golden $1" "$(diff -u "$t_golden" "$2" 2>&1 | head -n 40 | cut -c 1-300)"
	fi
}

# picture HEIGHTxWIDTH SEED N: a line for mkrecord, N values that repeat over a picture
picture() {
	awk -v size="$1" -v seed="$2" -v n="$3" 'BEGIN {
		printf "u1 frame.npy %sx3 =", size
		for (k = 0; k < n; k++) printf " %d", (k * k * (seed + 3) + 29 * k) % 256
		print ""
	}'
}

# pipe_status COMMAND...: runs a shell line with stdout into a pipe that is closed at once, and
# prints the exit status of COMMAND; 141 or 0 and a silent stderr ($ERR) are right
pipe_status() {
	{
		{
			"$@" 2>"$ERR"
			echo $? >"$t_dir/status"
		} | true
	}
	cat "$t_dir/status"
}
