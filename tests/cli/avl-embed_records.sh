# SPDX-License-Identifier: MIT
# avl-embed: features of the default model, for records that avl-train takes and trains into a model
# that avl-localize takes.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

avl-extract -q -r 2 "$TOP/tests/data/demo.mp4" -o raw.tar
t 'records get features' 0 '' -- avl-embed raw.tar -o full.tar
avl-check --json full.tar >full.json
records=$(wc -l <full.json)
is 'v has a map for each channel' "$(grep -c '"v.npy":{[^}]*"dtype":"f4","shape":\[1280,14,14\]}' full.json)" "$records"
is 'fs has a row for each patch' "$(grep -c '"fs.npy":{[^}]*"dtype":"f4","shape":\[[0-9]*,1024\]}' full.json)" "$records"
is 'the rest stays' "$(grep -c '"frame.npy".*"audio.npy"' full.json)" "$records"
t 'what is not needed may be left out' 0 '' -- avl-embed --drop frame,audio.npy -o small.tar raw.tar
avl-check --json small.tar >small.json
is 'and is' "$(grep -c 'frame.npy\|audio.npy' small.json)" 0
t 'threads do not change a byte' 0 '' -- avl-embed -j 1 --drop frame,audio -o one.tar raw.tar
same 'one thread or all' one.tar small.tar
t 'in bf16' 0 '' -- avl-embed -p bf16 --drop frame,audio -o bf16.tar raw.tar
t 'on one thread' 0 '' -- avl-embed -p bf16 -j 1 --drop frame,audio -o bf16one.tar raw.tar
same 'the same bytes' bf16.tar bf16one.tar
is 'features are in fp32 still' "$(avl-check --json bf16.tar | grep -c '"v.npy":{[^}]*"dtype":"f4","shape":\[1280,14,14\]}')" "$records"
t 'features themselves cannot be dropped' 2 '--drop: v and fs' -- avl-embed --drop frame,v raw.tar

printf 'record mute\nu1 frame.npy 8x8x3 random 1\n' | mkrecord >mute.tar
t 'a record without sound is passed on and named' 1 "record 'mute' has no sound; such records get no features" -- \
	sh -c 'avl-embed mute.tar >passed.tar'
matches 'as it was' '^mute +frame.npy u1 \(8, 8, 3\)$' "$(avl-check passed.tar >passed.txt 2>/dev/null && echo passed.txt)"
t 'a full disk' 1 '^avl-embed: ' -- sh -c 'avl-embed raw.tar >/dev/full'

t 'what is learnt from them' 0 '' -- avl-train -q --unsup nce --freeze sound_fc1 --batch 4 --epochs 1 --lr 1e-3 -o learnt.safetensors small.tar
t 'is a model' 0 '' -- avl-localize -q -m learnt.safetensors -o maps.tar raw.tar
avl-check --json maps.tar >maps.json
is 'that scores as it was trained' "$(grep -c '"scoring":"cosine"' maps.json)" "$records"
is 'and knows the names of sounds' "$(grep -c '"heard":\[{"name":"[A-Z]' maps.json)" "$records"
done_testing
