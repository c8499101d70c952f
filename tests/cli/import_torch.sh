# SPDX-License-Identifier: MIT
# scripts/import-torch and export-torch: there and back, contracts, and files that are bad or hostile.
# shellcheck shell=sh
. "$TOP/tests/cli/lib.sh"

python=${PYTHON:-python3}
if ! "$python" -c 'import numpy' 2>/dev/null; then
	skip 'checkpoints of PyTorch' 'numpy is not installed'
	done_testing
fi
import() { "$python" "$TOP/scripts/import-torch" "$@"; }
export_torch() { "$python" "$TOP/scripts/export-torch" "$@"; }
case_of() { "$python" "$TOP/tests/cli/torch_cases.py" "$@"; }

for preset in senocak lvs ezvsl slavc fnac sslalign ssltie resnet18_14+soundnet vgg16+resnet18_mean; do
	avl-model init -o new.st "$preset"
	t "the contract of $preset is the one of avl-model" 0 '' -- case_of contract new.st "$preset"
done
avl-model init --seed 9 -o new.st resnet18+soundnet
t 'values that fill up are those of avl-model' 0 '' -- case_of values new.st resnet18+soundnet 9

for preset in lvs ezvsl slavc sslalign ssltie; do
	avl-model init --seed 2 -o there.st "$preset"
	t "export $preset" 0 '' -- export_torch there.st out.pth
	case $preset in
	ezvsl) t 'it has all 244 tensors' 0 '' -- case_of count out.pth model 244 ;;
	slavc) t 'it has all 496 tensors' 0 '' -- case_of count out.pth model 496 ;;
	lvs) t 'it has all 248 tensors' 0 '' -- case_of count out.pth model_state_dict 248 ;;
	esac
	t "import it again" 0 '' -- import -q out.pth back.st
	t "the values are the same" 0 '' -- case_of same there.st back.st
	t 'the file is a whole model' 0 '' -- avl-model show back.st
	is "recognised as $preset" "$(sed -n 's/^  preset *\([a-z]*\):.*/\1/p' "$OUT")" "$preset"
done

avl-model init -o ez.st ezvsl
export_torch ez.st ez.pth
export_torch ez.st ez2.pth
same 'the same model gives the same checkpoint' ez.pth ez2.pth
t 'import by name' 0 '' -- import --arch fnac ez.pth fnac.st
t 'show it' 0 '' -- avl-model show fnac.st
matches 'it is what it was called' 'preset  *fnac' "$OUT"
t 'the format before zip archives' 0 '' -- case_of legacy old.pth ez.pth
t 'is read' 0 '' -- import old.pth old.st
t 'to the same values' 0 '' -- case_of same ez.st old.st
case_of edit ez.pth module.pth module
t 'names behind module.' 0 '' -- import module.pth module.st
t 'are the same' 0 '' -- case_of same ez.st module.st

avl-model init --seed 4 -o sen.st senocak
export_torch sen.st sen.pth
export_torch --arch soundnet sen.st sound8.pth
t 'Senocak with SoundNet' 0 '' -- import --soundnet sound8.pth sen.pth sen2.st
t 'is the model it was' 0 '' -- case_of same sen.st sen2.st
t 'without, it is refused' 1 "'sen.pth': holds no sound network: name SoundNet's" -- import sen.pth x.st
export_torch --arch vgg16 sen.st vgg.pth
t 'VGG-16 alone' 0 'tensors of .vgg16\+soundnet. are new and random' -- import vgg.pth vgg.st
t 'becomes a whole model' 0 '' -- avl-model show vgg.st
matches 'of that architecture' 'architecture  *vgg16\+soundnet' "$OUT"
t 'for another architecture' 0 'new and random' -- import --arch vgg16+resnet18 vgg.pth vgg.st
t 'which does not have it' 1 "does not belong to 'resnet18\\+soundnet'" -- import --arch resnet18+soundnet vgg.pth x.st
t 'slavc: the momentum networks' 0 '' -- sh -c "avl-model init -o s.st slavc &&
	'$python' '$TOP/scripts/export-torch' s.st s.pth &&
	'$python' '$TOP/scripts/import-torch' -q --momentum s.pth m.st"
t 'are as whole' 0 '' -- avl-model show m.st

for kind in zip legacy plain; do
	case_of hostile "$kind" bad.pth
	t "a hostile file ($kind) is refused" 1 "^import-torch: 'bad.pth': " -- import bad.pth x.st
done
is 'nothing of it was run' "$(ls owned 2>/dev/null)" ''

bad() { # HOW REGEX
	case_of edit ez.pth bad.pth "$1"
	t "$1" 1 "^import-torch: 'bad.pth': .*$2" -- import bad.pth x.st
}
bad missing "does not fit the layout 'ezvsl': lacks audnet.layer3.1.bn2.running_var$"
bad unknown "does not know img_proj.scale$"
bad shape "'aud_proj.weight' has the shape \\(512, 511\\), not \\(512, 512\\)"
bad nan "'img_proj.bias' holds values that are not finite"
bad foreign 'is of no layout that is known here; it holds encoder.weight'
bad none 'holds no tensors'
case_of beyond bad.pth
t 'a tensor beyond its storage' 1 "'bad.pth': " -- import --arch ezvsl bad.pth x.st
for file in ez.pth old.pth; do
	size=$(wc -c <$file)
	for part in 1 3 10 100 1000 100000 $((size / 2)) $((size - 1)); do
		head -c "$part" $file >bad.pth
		t "$file cut to $part bytes" 1 "^import-torch: 'bad.pth': " -- import bad.pth x.st
	done
done
: >bad.pth
t 'an empty file' 1 "'bad.pth': neither a PyTorch file nor safetensors" -- import bad.pth x.st
t 'a missing file' 1 "'no.pth': No such file" -- import no.pth x.st
t 'a folder' 1 "'\\.': Is a directory" -- import . x.st
t 'an unknown layout' 1 "'resnet50' is none of senocak" -- import --arch resnet50 ez.pth x.st
t 'no place to write' 1 "'no/x.st': No such file" -- import -q ez.pth no/x.st
t 'export of something else' 1 "'ez.pth': not a model file" -- export_torch ez.pth x.pth
t 'export to a layout that it is not' 1 "lacks 'sound.conv1.weight', which the layout 'lvs' has|lacks" -- export_torch --arch lvs sen.st x.pth
is 'failures leave nothing behind' "$(ls x.st* x.pth* 2>/dev/null)" ''
rm -f ./*.st ./*.pth
done_testing
