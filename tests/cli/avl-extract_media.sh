# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Time, turning, windows and keys on real containers, which ffmpeg makes. A flash and a click at
# the same moments show where picture and sound lie.
. "$TOP/tests/cli/lib.sh"

if ! have ffmpeg || ! have python3; then
	skip 'containers' 'ffmpeg or python3 is missing'
	done_testing
fi

make_av() { # OUT OPTION...: 3 s, 30 frames/s, white at 1 s and 2 s, with clicks there
	out=$1
	shift
	ffmpeg -v error -y \
		-f lavfi -i "color=gray:s=96x64:r=30:d=3,drawbox=color=red:w=8:h=8:t=fill,drawbox=color=white:t=fill:enable='eq(n,30)+eq(n,60)'" \
		-f lavfi -i "aevalsrc='0.9*(lt(mod(t,1),0.001)*gt(t,0.5))*(mod(floor(t*44100),2)*2-1)':s=44100:d=3" \
		-pix_fmt yuv420p "$@" "$out"
}

cat >read.py <<'END'
import io, json, struct, sys, tarfile

def npy(data):
    n = struct.unpack('<H', data[8:10])[0]
    head = eval(data[10:10 + n])
    return head['shape'], data[10 + n:], head['descr']

def records(path):
    members, out = {}, []
    for m in tarfile.open(path):
        if m.name.startswith('__'):
            continue
        key, suffix = m.name.split('.', 1)
        data = tarfile.open(path).extractfile(m).read()
        if suffix == 'json':
            out.append((key, json.loads(data), members))
            members = {}
        else:
            members[suffix] = npy(data)
    return out

def flashes(path):
    found = []
    for key, seal, members in records(path):
        shape, data, _ = members['frame.npy']
        if sum(data) > 180 * len(data):
            found.append(seal['frame_time'])
    return found

def clicks(path):
    key, seal, members = records(path)[0]
    shape, data, _ = members['audio.npy']
    sound = struct.unpack('<%df' % shape[0], data)
    rate = seal['rate_hz']
    found = []
    for t in (1, 2):
        start = int((t - 0.3) * rate)
        part = [abs(v) for v in sound[start:start + int(0.6 * rate)]]
        top = max(part)
        first = next(i for i, v in enumerate(part) if v > top / 2)
        found.append(seal['audio_start'] + (start + first) / rate)
    return found

if __name__ == '__main__':
    what, path = sys.argv[1:3]
    if what == 'sync':
        tolerance = float(sys.argv[3])
        seen, heard = flashes(path), clicks(path)
        for a, b in zip(seen, (1, 2)):
            assert abs(a - b) <= tolerance, ('flash', seen)
        for a, b in zip(heard, (1, 2)):
            assert abs(a - b) <= tolerance + 0.0005, ('click', heard)
        assert len(seen) == 2, seen
    if what == 'shape':
        for key, seal, members in records(path):
            print(key, *('%s%s' % (k.split('.')[0], v[0]) for k, v in members.items()))
    if what == 'frame':
        sys.stdout.buffer.write(records(path)[int(sys.argv[3])][2]['frame.npy'][1])
END

# FILE TOLERANCE: flashes and clicks where they belong, at the sound's own rate and another
in_sync() {
	for hertz in 0 16000; do
		avl-extract -r 30 -w all -a $hertz -o sync.tar "$1" 2>"$ERR" &&
			python3 read.py sync sync.tar "$2" 2>>"$ERR"
		status=$?
		if [ $status -eq 0 ]; then
			pass "$1: picture and sound agree at $hertz Hz"
		else
			fail "$1: picture and sound agree at $hertz Hz" "$(t_stderr)"
		fi
	done
}

encoder() {
	ffmpeg -hide_banner -encoders 2>/dev/null | grep -q " $1 "
}

if encoder libx264; then
	make_av a.mp4 -c:v libx264 -g 20 -bf 2 -c:a aac
	for other in mkv mov avi ts flv; do
		ffmpeg -v error -y -i a.mp4 -c copy a.$other
	done
	in_sync a.mp4 0.0001
	in_sync a.mov 0.0001
	in_sync a.mkv 0.001
	in_sync a.flv 0.001
	in_sync a.ts 0.0001
	in_sync a.avi 0.0335
	for other in mkv mov avi ts; do
		avl-extract -r 7 -w 1 -a 0 -o x.mp4.tar a.mp4
		avl-extract -r 7 -w 1 -a 0 -o x.tar a.$other
		python3 read.py frame x.mp4.tar 9 >one
		python3 read.py frame x.tar 9 >two
		same "a.$other: the frames of a.mp4" one two
		is "a.$other: the records of a.mp4" "$(avl-check x.tar 2>/dev/null | wc -l)" 21
	done
fi
if [ -f a.avi ]; then # AVI is decoded in one go
	size=$(wc -c <a.avi) differences=
	for part in 3 4 5 6 7 8 9 10 11 12 13 14; do
		cp a.avi damaged.avi
		printf 'damagedamagedamage' |
			dd of=damaged.avi bs=1 seek=$((size * part / 16)) conv=notrunc 2>"$ERR"
		avl-extract -j 1 -r 7 -w 1 -a 0 damaged.avi >one.tar 2>one.err
		avl-extract -j 3 -r 7 -w 1 -a 0 damaged.avi >three.tar 2>three.err
		cmp -s one.tar three.tar && cmp -s one.err three.err ||
			differences="$differences $part"
	done
	is 'damage shows, however many threads there are' "$differences" ''
fi
if [ -f a.mp4 ]; then # times so far apart that what lies between is sought over
	ffmpeg -v error -y -i a.mp4 -c copy -movflags frag_keyframe+empty_moov fragments.mp4
	ffmpeg -v error -i a.mp4 -c copy -f matroska -live 1 - >live.mkv
	for file in a.mp4 a.mkv a.ts fragments.mp4 live.mkv; do
		avl-extract -j 1 -r 30 -w 1 -a 0 -o all.tar $file
		avl-extract -j 1 -t 0.11,2.91 -w 1 -a 0 -o far.tar $file
		python3 read.py frame all.tar 3 >wanted
		python3 read.py frame all.tar 87 >>wanted
		python3 read.py frame far.tar 0 >got
		python3 read.py frame far.tar 1 >>got
		same "$file: frames far from each other" wanted got
	done
fi
if [ -f a.ts ]; then
	tail -c +$((188 * 60 + 1)) a.ts >begun.ts
	t 'a recording that begins between keyframes' 0 '' -- avl-extract -w 0.2 -a 0 -o x.tar begun.ts
fi
make_av b.mkv -c:v mpeg4 -bf 2 -c:a pcm_s16le
make_av c.avi -c:v mjpeg -c:a pcm_s16le
make_av d.mp4 -c:v mpeg4 -g 15 -c:a aac
in_sync b.mkv 0.001
in_sync c.avi 0.0001
in_sync d.mp4 0.0001
if encoder libvpx-vp9 && encoder libopus; then
	make_av e.webm -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -b:a 96k
	in_sync e.webm 0.001
fi

# Frames are those that ffmpeg decodes.
ffmpeg -v error -y -i d.mp4 -vf "select='not(mod(n-15,30))'" -vsync 0 -pix_fmt rgb24 \
	-sws_flags bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact -f rawvideo all.rgb
avl-extract -w 1 -a 0 -o d.tar d.mp4
for i in 0 1 2; do
	python3 read.py frame d.tar $i
done >ours.rgb
same 'frames as ffmpeg decodes them' ours.rgb all.rgb

# The bytes do not depend on threads or on the way in.
for j in 1 2 5; do
	avl-extract -r 9 -w 1 -a 8000 -j $j -o j$j.tar d.mp4
done
same '-j 2 writes what -j 1 writes' j1.tar j2.tar
same '-j 5 writes what -j 1 writes' j1.tar j5.tar
t 'stdout is written' 0 '' -- avl-extract -r 9 -w 1 -a 8000 d.mp4
same '... what -o writes' "$OUT" j1.tar
# shellcheck disable=SC2002 # it must be a pipe
cat d.mp4 | avl-extract -w 1 -a 0 - >pipe.tar
avl-extract -w 1 -a 0 - <d.mp4 >redirected.tar
same 'a pipe and a file on stdin give the same' pipe.tar redirected.tar
is 'a pipe whose index comes last is read' "$(avl-check pipe.tar 2>/dev/null | cut -d ' ' -f 1 | tr '\n' ' ')" \
	'stdin_000000500000 stdin_000001500000 stdin_000002500000 '

# Turned pictures.
ffmpeg -v error -y -i d.mp4 -frames:v 1 -c:v png upright.png
for angle in 90 180 270; do
	ffmpeg -v error -y -i d.mp4 -c copy -metadata:s:v rotate=$angle turned.mp4
	ffmpeg -v error -y -i turned.mp4 -frames:v 1 -pix_fmt rgb24 \
		-sws_flags bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact -f rawvideo turned.rgb
	avl-extract -t 0 -w 1 -a 0 -o turned.tar turned.mp4
	python3 read.py frame turned.tar 0 >turned.ours
	if python3 - turned.rgb turned.ours <<'END'; then
import sys
a, b = (open(p, 'rb').read() for p in sys.argv[1:3])
# turning before or after the colours are converted may round otherwise
assert len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) < 40
assert sum(abs(x - y) for x, y in zip(a, b)) < len(a)
END
		pass "turned by $angle"
	else
		fail "turned by $angle"
	fi
done

# Sizes: odd, scaled, of one frame.
ffmpeg -v error -y -f lavfi -i testsrc=s=35x21:r=10:d=1 -c:v ffv1 odd.mkv
avl-extract -w 1 -a 0 -o odd.tar odd.mkv
is 'odd sizes, and no sound' "$(python3 read.py shape odd.tar)" 'odd_000000500000 frame(21, 35, 3)'
avl-extract -w 1 -a 0 -s 20 -o odd.tar odd.mkv
is '-s MAX' "$(python3 read.py shape odd.tar)" 'odd_000000500000 frame(12, 20, 3)'
avl-extract -w 1 -a 0 -s 9x50 -o odd.tar odd.mkv
is '-s WxH' "$(python3 read.py shape odd.tar)" 'odd_000000500000 frame(50, 9, 3)'
ffmpeg -v error -y -i odd.mkv -frames:v 1 -c:v ffv1 single.mkv
avl-extract -w 1 -a 0 -o single.tar single.mkv
is 'a video of one frame' "$(avl-check single.tar 2>/dev/null | wc -l)" 1

# Variable frame rate: frames at 0, 0.1, 0.5 and 1.5 s by their time stamps.
ffmpeg -v error -y -f lavfi -i testsrc=s=32x32:r=10:d=2 \
	-vf "select='eq(n,0)+eq(n,1)+eq(n,5)+eq(n,15)'" -vsync vfr -c:v ffv1 vfr.mkv
is 'variable frame rate' "$(avl-extract -t 0.05,0.1,0.4,0.7,1.49,1.5 -w 1 -a 0 vfr.mkv | avl-check --json |
	sed 's/.*"frame_time":\([0-9.]*\).*/\1/' | tr '\n' ' ')" '0 0.1 0.1 0.5 0.5 1.5 '

# Stills, sounds alone, keys, lists, shards.
ffmpeg -v error -y -f lavfi -i 'aevalsrc=sin(800*t)|0.5*sin(800*t):s=22050:d=2' -c:a flac s.flac
for kind in jpg png webp bmp; do
	if ffmpeg -v error -y -f lavfi -i testsrc=s=40x30 -frames:v 1 still.$kind 2>/dev/null; then
		avl-extract -a 0 -w all --audio s.flac -o still.tar still.$kind
		is "a $kind with its whole sound" "$(python3 read.py shape still.tar)" \
			'still_000000000000 frame(30, 40, 3) audio(44100,)'
		size=$(wc -c <still.$kind)
		head -c $((size * 2 / 3)) still.$kind >cut.$kind
		t_lines 1 "a cut $kind" 1 "'cut.$kind': " -- avl-extract -a 0 -w 1 cut.$kind
	fi
done
if ffmpeg -v error -y -f lavfi -i testsrc=s=40x30 -frames:v 3 -c:v libwebp_anim moving.webp 2>/dev/null; then
	t_lines 1 'a WebP that moves' 1 "'moving.webp': its picture data is damaged, or is an animation" \
		-- avl-extract -a 0 -w 1 moving.webp
fi
avl-extract -a 0 -w 0.4 --audio s.flac -o still.tar still.png
is 'the middle of the sound of a still' "$(avl-check --json still.tar | sed 's/.*"audio_start":\([0-9.]*\).*/\1/')" 0.8
for kind in wav ogg mp3 flac; do
	ffmpeg -v error -y -i s.flac s.$kind 2>/dev/null || [ $kind = flac ] || continue
	is "a $kind alone" "$(avl-extract -a 16000 -w 1 s.$kind | avl-check 2>/dev/null | cut -d ' ' -f 1 | tr '\n' ' ')" \
		's_000000500000 s_000001500000 '
done
avl-extract -a 8000 -w 3 -o short.tar s.flac
is 'a window longer than the clip' "$(python3 read.py shape short.tar | sed -n '1p')" 's_000000500000 audio(16000,)'
mkdir -p folder
cp d.mp4 folder/d.mp4
cp d.mp4 'my clip.mp4'
keys=$(avl-extract -t 0 -w 1 -a 0 d.mp4 folder/d.mp4 'my clip.mp4' | avl-check 2>/dev/null | cut -d ' ' -f 1)
crc=$(python3 -c 'import zlib; print("d_000000000000 d_000000000000-%08x my_clip_000000000000-%08x" % (zlib.crc32(b"folder/d.mp4"), zlib.crc32(b"my clip.mp4")))')
is 'keys of one stem, and of a name with a blank' "$(echo "$keys" | tr '\n' ' ')" "$crc "
for part in 1 2; do
	avl-extract -t 0 -w 1 -a 0 --shard $part/2 -o part$part.tar d.mp4 folder/d.mp4 'my clip.mp4'
done
is 'shards have the keys of the whole' "$( (avl-check part1.tar; avl-check part2.tar) 2>/dev/null | cut -d ' ' -f 1 | sort)" \
	"$(echo "$keys" | sort)"
printf 'one\td.mp4\t-\t1.25\ntwo\tstill.png\ts.flac\t-\nthree\t-\ts.flac\t0.5\nfour\tfolder/d.mp4\ts.flac\t-\n' >list.tsv
avl-extract -a 0 -w 1 -r 0.5 -o list.tar --list list.tsv
is 'a list' "$(python3 read.py shape list.tar)" 'one frame(64, 96, 3) audio(44100,)
two frame(30, 40, 3) audio(22050,)
three audio(22050,)
four_000001000000 frame(64, 96, 3) audio(22050,)'

# What is cut off gives its good part, the same as the whole file gives.
if [ -f a.mkv ]; then
	avl-extract -r 5 -w 0.5 -a 0 -o whole.tar a.mkv
	size=$(wc -c <a.mkv)
	mkdir -p cut
	head -c $((size * 3 / 4)) a.mkv >cut/a.mkv
	(cd cut && avl-extract -r 5 -w 0.5 -a 0 a.mkv >../cut.tar 2>"$ERR")
	is 'a cut Matroska: status' $? 1
	matches 'a cut Matroska: message' "^avl-extract: 'a.mkv': is cut off: its segment is not whole$" "$ERR"
	n=$(avl-check cut.tar 2>/dev/null | wc -l)
	avl-check --json whole.tar | head -n "$n" >good
	avl-check --json cut.tar >part
	same 'a cut Matroska: the good part' part good
	if [ "$n" -ge 5 ]; then
		pass 'a cut Matroska: there is a good part'
	else
		fail 'a cut Matroska: there is a good part' "$n records"
	fi
fi

# Constant sounds of several channels, each with its own level, mixed to one.
cat >channels.py <<'END'
import struct, sys
name, mask, levels = sys.argv[1], int(sys.argv[2], 0), [float(v) for v in sys.argv[3:]]
n, rate = len(levels), 16000
frame = struct.pack('<%dh' % n, *(round(32768 * v) for v in levels))
body = struct.pack('<HHIIHH', 0xfffe, n, rate, rate * 2 * n, 2 * n, 16)
body += struct.pack('<HHIH', 22, 16, mask, 1) + bytes.fromhex('000000001000800000aa00389b71')
data = frame * (rate // 2)
chunks = b'WAVEfmt ' + struct.pack('<I', len(body)) + body + b'data' + struct.pack('<I', len(data))
open(name, 'wb').write(b'RIFF' + struct.pack('<I', len(chunks) + len(data)) + chunks + data)
END
cat >level.py <<'END'
import io, struct, sys, tarfile
tar = tarfile.open(sys.argv[1])
name = next(n for n in tar.getnames() if n.endswith('.audio.npy'))
samples = struct.unpack('<8000f', tar.extractfile(name).read()[128:])
assert max(samples) - min(samples) < 1e-6
print('%.4f' % samples[0])
END
# (0.7071 (0.1 + 0.2) + 0.3 + 0.5 (0.05 + 0.15)) / (2 * 0.7071 + 1 + 2 * 0.5)
while read -r level what mask levels; do
	# shellcheck disable=SC2086 # levels are words
	python3 channels.py mixed.wav "$mask" $levels
	t "$what is read" 0 '' -- avl-extract -w all -a 0 -o mixed.tar mixed.wav
	is "$what: the mix" "$(python3 level.py mixed.tar)" "$level"
done <<'END'
0.1793 5.1_with_side 0x60f 0.1 0.2 0.3 0.9 0.05 0.15
0.1793 5.1_with_back 0x3f 0.1 0.2 0.3 0.9 0.05 0.15
0.9999 full_scale 0x3f 0.9999 0.9999 0.9999 0 0.9999 0.9999
0.1500 2.1 0xb 0.1 0.2 0.9
0.1500 stereo 0x3 0.1 0.2
0.2000 unplaced 0 0.1 0.2 0.3
END
done_testing
