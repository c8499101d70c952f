# SPDX-License-Identifier: MIT
# avl-truth --control: sounds that are not the picture's.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

mkrecord >in.tar <<'END'
record a_0
seal source a.mp4
seal rate_hz 16000
f4 audio.npy 4 = 0.1 0.2 0.3 0.4
record a_1
seal source a.mp4
seal rate_hz 16000
f4 audio.npy 4 = 0.5 0.6 0.7 0.8
record b_0
seal source b.mp4
seal rate_hz 8000
f4 audio.npy 2 = -0.5 -0.25
END

# sound TAR KEY: the samples
sound() {
	tar xOf "$1" "$2.audio.npy" | tail -c +129 | od -An -v -t f4 | tr -s ' \n' ' '
}

t 'silence' 0 '' -- avl-truth --control silence in.tar -o silence.tar
is 'silence is zeros, as long as the sound' "$(sound silence.tar b_0)" ' 0 0 '
avl-check --json silence.tar >list
is 'the seals say so' "$(grep -c '"control":"silence"' list)" 3

t 'noise' 0 '' -- avl-truth --control noise in.tar -o noise.tar
avl-truth --control noise in.tar -o again.tar
same 'the same seed gives the same noise' noise.tar again.tar
avl-truth --control noise --seed 2 in.tar -o again.tar
different=$(cmp -s noise.tar again.tar || echo yes)
is 'another seed gives another' "$different" yes
is 'each record has its own' "$([ "$(sound noise.tar a_0)" != "$(sound noise.tar a_1)" ] && echo yes)" yes

t 'shuffled leaves out the first clip, and says so' 0 'left out 2 records' -- \
	avl-truth --control shuffled in.tar -o shuffled.tar
is 'shuffled takes the last sound of the clip before' "$(sound shuffled.tar b_0)" ' 0.5 0.6 0.7 0.8 '
avl-check --json shuffled.tar >list
is 'with its rate and its name' "$(cut -d, -f1-5 list)" \
	'{"key":"b_0","source":"b.mp4","rate_hz":16000,"sound":"a.mp4","control":"shuffled"'

t 'offscreen' 0 '' -- avl-truth --control offscreen in.tar -o offscreen.tar
is 'offscreen leaves the sound alone' "$(sound offscreen.tar b_0)" ' -0.5 -0.25 '

printf 'record h\nf4 heat.npy 2x2 = 1\nf4 audio.npy 2 = 0.5\n' | mkrecord | avl-truth --control silence >heat.tar
is 'where there is a map already, the sound stays' "$(sound heat.tar h)" ' 0.5 0.5 '
avl-check --json heat.tar >list
matches 'and the seal says what it was' '"control":"silence"' list

printf 'record h\nf4 heat.npy 2x2 = 1\nf4 audio.npy 2 = 0.5\nf8 boxes.npy 1x5 = 0\n' | mkrecord >all.tar
t 'members can be left out' 0 '' -- avl-truth --drop audio,frame,boxes.npy all.tar
is 'and the others stay' "$(tar tf "$OUT" | tr '\n' ' ')" '__avl__/stream.json h.heat.npy h.json '

echo 'record n' | mkrecord >none.tar
t_lines 2 'a record without sound' 1 "record 'n': has no audio.npy" -- avl-truth --control noise none.tar -o out.tar
t 'an unknown kind' 2 "'loud' is none of silence" -- avl-truth --control loud in.tar
done_testing
