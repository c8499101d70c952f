# SPDX-License-Identifier: MIT
# avl-train: whole networks, from pictures and sounds.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"
PATH=$BIN/../tests:$PATH

records() { # N: pictures of 48x40, half a second of noise
	i=0
	while [ "$i" -lt "$1" ]; do
		printf 'record r%02d\nseal rate_hz 16000\n' "$i"
		picture 40x48 "$i" 97
		printf 'f4 audio.npy 8000 normal %d\nf8 boxes.npy 1x5 = 0.1 0 0.6 0.7 0\n' $((i + 50))
		i=$((i + 1))
	done
}
mknet efficientnet_lite0+yamnet 64 0.5 >init.safetensors
records 6 | mkrecord >raw.tar
common='-q -m init.safetensors --batch 3 --epochs 1 --bn stored --lr 1e-4'
# shellcheck disable=SC2086 # common is a list of words
train() { # OUTPUT OPTION...
	out=$1
	shift
	avl-train $common "$@" -o "$out" raw.tar
}

t 'both networks' 0 '' -- train both --unsup nce --log log.tsv -j 1
matches 'the image network has moments' 'optim.second.image._conv_stem.weight' both
matches 'and the sound network' 'optim.first.sound.layer1.conv.weight' both
is 'two steps' "$(wc -l <log.tsv)" 3
t 'three threads' 0 '' -- train three --unsup nce -j 3
same 'are the same bytes' both three
t 'a trained model localizes' 0 '' -- sh -c 'avl-localize -q -m both -o heat.tar raw.tar'
t 'the model is described' 0 '' -- avl-model show both

# what learns
t 'a frozen image network' 0 '' -- train image --unsup triplet --sup kl --freeze image.
is 'has no moments' "$(grep -ac 'optim.first.image\._' image)" 0
matches 'the sound network has' 'optim.first.sound.layer1' image
t 'frozen first layers' 0 '' -- train layers --sup ce \
	--freeze image._conv_stem,image._bn0,image._blocks.0,image._blocks.1.,sound.
is 'have none' "$(grep -ac 'optim.first.image._blocks.1._depthwise_conv' layers)" 0
matches 'those behind them have' 'optim.first.image._blocks.2._depthwise_conv' layers
t 'batch norms by the batch' 0 '' -- train batch --unsup nce --bn batch
differ 'are another model' both batch
t 'both are frozen: the heads learn' 0 '' -- train heads --unsup triplet --freeze image.,sound.

# features of one stream
t 'features' 0 '' -- avl-embed -q -m init.safetensors -o all.tar raw.tar
# shellcheck disable=SC2086
t 'of both streams' 0 '' -- avl-train $common --unsup nce --log all.tsv -o fs all.tar
t 'the same by frozen networks' 0 '' -- train frozen --unsup nce --freeze image.,sound. --log log.tsv
is 'the losses are the same within rounding' "$(paste all.tsv log.tsv |
	awk -F '\t' 'NR > 1 && ($3 - $15) ^ 2 > 1e-6 * $3 ^ 2')" ''
i=0
while [ $i -lt 3 ]; do
	printf 'record r%d\nseal rate_hz 16000\nf4 v.npy 1280x2x2 random %d\nf4 audio.npy 8000 normal %d\n' $i $i $i
	i=$((i + 1))
done | mkrecord >v.tar
# shellcheck disable=SC2086
t 'of pictures, and sounds' 0 '' -- avl-train $common --unsup nce -o v v.tar
matches 'the sound network learns' 'optim.first.sound.layer1' v
is 'the image network does not' "$(grep -ac 'optim.first.image\._' v)" 0

# variations
t 'crop, flip and window' 0 '' -- train varied --unsup nce --augment crop,flip,window
differ 'are another model' both varied
t 'again' 0 '' -- train again --unsup nce --augment crop,flip,window -j 3
same 'the same bytes' varied again
t 'dropout' 0 '' -- train dropped --unsup nce --image-dropout 0.9

# one pass, and validation
t 'standard input' 0 '' -- sh -c "avl-train $common --unsup nce -o pipe - <raw.tar"
t 'validation' 0 '' -- train valid --unsup nce --valid raw.tar --log log.tsv
is 'measures' "$(awk -F '\t' 'NR == 3 { print $10 != "-" }' log.tsv)" 1

# SLAVC: two heads and networks that follow; sounds are features here
mknet slavc 32 0.5 sound. >slavc.safetensors
mknet slavc 32 0.5 image.layer2,image.layer3,image.layer4 >broken.safetensors
i=0
while [ $i -lt 4 ]; do
	echo "record r$i"
	picture 32x32 "$i" 50
	echo "f4 fs.npy 1x512 random $i"
	i=$((i + 1))
done | mkrecord >two.tar
follow() { # OUTPUT OPTION...
	out=$1
	shift
	avl-train -q -m slavc.safetensors --unsup slavc --batch 4 --every 1 --lr 1e-4 "$@" -o "$out" two.tar
}
t 'networks that follow' 0 '' -- follow slow --epochs 3 --image-dropout 0.5
matches 'those that learn stand beside' '"online.image.conv1.weight"' slow
matches 'and their heads' '"online.sound_proj2.weight"' slow
t 'stopped' 0 '' -- follow part --epochs 2 --image-dropout 0.5
t 'and resumed' 0 '' -- follow part --epochs 3 --image-dropout 0.5 --resume
same 'the same bytes' slow part
t 'without' 0 '' -- follow plain --epochs 1 --follow 0
is 'nothing stands beside' "$(grep -ac '"online' plain)" 0

# what cannot be
cp both kept
bad() { # NAME STATUS REGEX OPTION...
	name=$1 status=$2 regex=$3
	shift 3
	# shellcheck disable=SC2086
	t "$name" "$status" "^avl-train: .*$regex" -- avl-train $common "$@" -o kept bad.tar
}
bad_record() { # NAME REGEX LINES: of a record behind two good ones
	{ records 2; printf 'record z\n%b\n' "$3"; } | mkrecord >bad.tar
	bad "$1" 1 "record 'z'$2" --unsup nce
}
cp raw.tar bad.tar
bad 'a model without its network' 1 "tensor 'image.layer2.0.downsample.0.weight' is missing" -m broken.safetensors --unsup nce
bad 'an unknown variation' 2 "--augment: 'turn' is not one of crop, flip, window, none" --unsup nce --augment crop,turn
bad 'a follower of another loss' 2 '--follow is for --unsup slavc' --unsup nce --follow 0.9
bad 'nothing is called so' 2 "--freeze: no parameter begins with 'image.conv9'" --unsup nce --freeze image.conv9
bad_record 'no sound' ' has no sound: neither fs.npy nor audio.npy' \
	'seal rate_hz 16000\nu1 frame.npy 4x4x3 = 1'
bad_record 'no picture' ' has no picture: neither v.npy nor frame.npy' \
	'seal rate_hz 16000\nf4 audio.npy 8000 random 1'
bad_record 'mixed rates' ' has sound of 8000 Hz, those before it of 16000 Hz' \
	'seal rate_hz 8000\nf4 audio.npy 8000 random 1\nu1 frame.npy 4x4x3 = 1'
bad_record 'a picture of floats' ': frame.npy is f4 \(4, 4, 3\), not u1 \(height, width, 3\)' \
	'seal rate_hz 16000\nf4 audio.npy 8000 random 1\nf4 frame.npy 4x4x3 = 1'
bad_record 'no rate' ': the seal names no usable rate_hz' \
	'f4 audio.npy 8000 random 1\nu1 frame.npy 4x4x3 = 1'
bad_record 'a sound that is not finite' ': audio.npy holds a value that is not finite' \
	'seal rate_hz 16000\nf4 audio.npy 80 = 1e60\nu1 frame.npy 4x4x3 = 1'
bad_record 'features of sound for one alone' ' has no sound' \
	'seal rate_hz 16000\nf4 fs.npy 1x1024 = 1\nu1 frame.npy 4x4x3 = 1'
cp all.tar bad.tar
bad 'pictures cannot be varied where there are none' 2 '--augment: the records have v.npy' --unsup nce --augment flip
same 'nothing is overwritten' both kept
done_testing
