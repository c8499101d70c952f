# SPDX-License-Identifier: MIT
# The committed model against the published numbers of its two networks, run by plain NumPy.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

python=${PYTHON:-python3}
maker=$TOP/scripts/make-default-model
model=$TOP/lib/share/default.safetensors

if ! "$python" -c 'import numpy' 2>/dev/null; then
	skip 'the model and its published numbers' 'numpy is not installed'
	done_testing
fi

t 'the model gives the published numbers' 0 '' -- "$python" "$maker" --check "$model"

cp "$model" bent.safetensors
chmod u+w bent.safetensors
printf x | dd of=bent.safetensors bs=1 seek=9000000 conv=notrunc 2>/dev/null
t 'a changed byte is noticed' 1 'does not match its digest' -- \
	"$python" "$maker" --check bent.safetensors

# A file with a good digest and other weights: the checks themselves must see it.
"$python" - "$TOP/scripts" "$model" <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import tensorfile
tensors, metadata = tensorfile.read(sys.argv[2])
for name in ("image._blocks.9._project_conv.weight", "sound.layer5.pointwise_conv.weight"):
    bent = dict(tensors)
    bent[name] = bent[name][::-1]
    tensorfile.write(name.split(".")[0] + ".safetensors", bent, metadata)
END
for net in image sound; do
	t "other weights in the $net network are noticed" 1 'published' -- \
		"$python" "$maker" --check $net.safetensors
done

t 'a missing file is named' 1 "No such file.*'no.safetensors'" -- \
	"$python" "$maker" --check no.safetensors
done_testing
