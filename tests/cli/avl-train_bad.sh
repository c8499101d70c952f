# SPDX-License-Identifier: MIT
# avl-train: what cannot be learnt from is named, and nothing is overwritten.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

record() { # KEY [LINE...]: a good record, with lines added
	printf 'record %s\nseal rate_hz 16000\nf4 fs.npy 2x8 random 3\nf4 v.npy 12x4x4 random 4\n' "$1"
	shift
	printf '%s\n' "$@"
}
good() { record good1 'f8 boxes.npy 1x5 = 0 0 0.5 0.5 0' && record good2 'f8 boxes.npy 1x5 = 0 0 0.5 0.5 0'; }
mkhead 8 10 12 >init.safetensors
printf 'a checkpoint of old\n' >old
good | mkrecord >good.tar

bad() { # NAME REGEX OPTION...: with the records of the file in
	mkrecord <in >bad.tar
	name=$1 regex=$2
	shift 2
	cp old ckpt
	t "$name" 1 "^avl-train: .*$regex" -- avl-train -m init.safetensors --batch 2 "$@" -o ckpt bad.tar
	same "$name: nothing is overwritten" old ckpt
}

{ good; record bare | grep -v fs.npy; } >in && bad 'no sound' "'bad.tar': record 'bare' has no fs.npy \(avl-embed adds it\)\$" --sup kl
{ good; record bare | grep -v v.npy; } >in && bad 'no features' "record 'bare' has no v.npy \(avl-embed" --unsup nce
{ record a; record b; } >in && bad 'no truth' '--sup: no record has boxes.npy or mask.npy' --sup kl
{ good; record out 'f8 boxes.npy 1x5 = 0.5 0.5 1.5 1 0'; } >in && bad 'a box outside' "record 'out': box 0 holds 1.5, which lies outside the frame\$" --sup ce
{ good; record odd 'f8 boxes.npy 1x4 = 0 0 1 1'; } >in && bad 'boxes of four' "record 'odd': boxes.npy is f8 \(1, 4\), not f8 \(n, 5\)\$" --sup ce
{ good; record fast | sed s/16000/44100/; } >in && bad 'mixed rates' "record 'fast' has sound of 44100 Hz, those before it of 16000 Hz\$" --unsup triplet
record one >in && bad 'one record' 'one record: there is nothing to compare with' --unsup triplet
{ good; record three; } >in && bad 'too large a batch' '--batch 4 is larger than the data: 3 records' --unsup nce --batch 4
{ good; record other | sed 's/12x4x4/16x4x4/'; } >in && bad 'another architecture' "record 'other': v.npy is f4 \(16, 4, 4\), not f4 \(12, 4, 4\)\$" --unsup nce
{ good; record other | sed 's/2x8/2x9/'; } >in && bad 'other features' "fs.npy is f4 \(2, 9\), not f4 \(patches, 8\)\$" --unsup nce
{ good; record other | sed 's/12x4x4/12x7x7/'; } >in && bad 'another map' "v.npy is f4 \(12, 7, 7\), not f4 \(12, 4, 4\)\$" --unsup nce
{ good; record nan | sed 's/fs.npy 2x8 .*/fs.npy 2x8 = 1e60/'; } >in && bad 'a value that is not finite' "record 'nan': fs.npy holds a value that is not finite\$" --unsup nce
good >in && bad 'too little to validate with' 'validation needs two records' --sup kl --batch 1 --hold-out 0.3
good >in && bad 'no such model' "'none.safetensors': cannot open: No such file" -m none.safetensors --sup kl

usage() { # NAME REGEX OPTION...
	name=$1 regex=$2
	shift 2
	t "$name" 2 "^avl-train: $regex" -- avl-train -m init.safetensors "$@"
}
usage 'no loss' 'name a loss' -o ckpt good.tar
usage 'no checkpoint' '-o CKPT is needed' --sup kl good.tar
usage 'a temperature of nothing' '--temperature: 0 is not within' --sup kl --temperature 0 -o ckpt good.tar
usage 'pairs are cosines' '--unsup nce compares cosines' --unsup nce --score dot -o ckpt good.tar
usage 'no margin' '--unsup nce has no --margin' --unsup nce --margin 1 -o ckpt good.tar
usage 'no tau' '--unsup triplet has no --tau' --unsup triplet --tau 1 -o ckpt good.tar
usage 'nothing is called so' "--freeze: no parameter begins with 'sund'" --sup kl --freeze sund --batch 2 -o ckpt good.tar
usage 'all is frozen' '--freeze: all parameters are frozen' --sup kl --freeze sound --batch 2 -o ckpt good.tar
usage 'a batch of one' '--batch: another sound' --unsup nce --batch 1 -o ckpt good.tar
usage 'units without --fresh' '--units is for --fresh' --sup kl --units 4 -o ckpt good.tar
usage 'units of what is kept' '--units: a frozen sound_fc1 keeps' --sup kl --fresh --freeze sound_fc1 --units 4 -o ckpt good.tar
usage 'a pipe cannot be resumed' '--resume: standard input' --sup kl --resume -o ckpt -
usage 'a pipe has no length' '--schedule cosine: standard input' --sup kl --schedule cosine -o ckpt -
usage 'a pipe and a file' "'-' is one pass" --sup kl -o ckpt - good.tar
usage 'two validations' 'either --valid or --hold-out' --sup kl --valid good.tar --hold-out 0.5 -o ckpt good.tar
t 'a short pipe' 1 "'stdin': --batch 3 is larger than the data: 2 records" -- \
	sh -c 'avl-train -m init.safetensors --sup kl --batch 3 -o ckpt - <good.tar'
t 'a pipe of nothing' 1 "^avl-train: 'stdin'" -- sh -c 'avl-train -m init.safetensors --sup kl -o ckpt - </dev/null'
t 'a compressed file' 1 "'good.tar.gz'" -- sh -c 'gzip -k good.tar && avl-train -m init.safetensors --sup kl --batch 2 -o ckpt good.tar.gz'
same 'nothing was overwritten' old ckpt

# a run that leaves the finite numbers
good | mkrecord >good.tar
t 'a few good steps' 0 '' -- avl-train -m init.safetensors --sup kl --batch 2 --epochs 3 --lr 1e-3 -o live.safetensors good.tar
cp live.safetensors kept.safetensors
t 'a loss that is not finite' 1 "step [0-9]+, record 'good[12]': the (loss|gradient) is not a finite number" -- \
	avl-train -m init.safetensors --sup kl --optim sgd --batch 2 --epochs 100 --every 1000 --lr 1e6 --decay 1e6 -o live.safetensors good.tar
same 'the last good checkpoint stands' kept.safetensors live.safetensors

# a full disk
t 'a full disk' 1 "'/dev/full': (cannot write: )?No space left on device" -- \
	avl-train -m init.safetensors --sup kl --batch 2 --epochs 3 -o /dev/full good.tar
t 'a full disk for the log' 1 "'/dev/full': (cannot write: )?No space left on device" -- \
	avl-train -m init.safetensors --sup kl --batch 2 --epochs 3 --log /dev/full -o ckpt good.tar
t 'no directory' 1 "'nowhere/ckpt': No such file" -- \
	avl-train -m init.safetensors --sup kl --batch 2 --epochs 3 -o nowhere/ckpt good.tar
t 'a file size limit' 1 "live.safetensors': (wrote|File too large|.*too large)" -- \
	sh -c 'ulimit -f 1; exec avl-train -m init.safetensors --sup kl --batch 2 --epochs 3 -o live.safetensors good.tar'
same 'the last good checkpoint stands then too' kept.safetensors live.safetensors
is 'no temporary is left' "$(find . -name '.avl-*')" ''
done_testing
