# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Whatever a file contains, nothing but the file itself is opened, and no socket is made.
. "$TOP/tests/cli/lib.sh"

if ! have strace || ! strace -o /dev/null true 2>/dev/null; then
	skip 'hostile files' 'strace does not work here'
	done_testing
fi

# The leak checker cannot work beside strace.
ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
export ASAN_OPTIONS

bait=$PWD/bait
{
	printf 'RIFF\044\004\0\0WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\200\076\0\0\002\0\020\0data\0\004\0\0'
	head -c 1024 /dev/zero
} >"$bait.wav"
cp "$bait.wav" "$bait.mp4"
cp "$bait.wav" "$bait.ts"

printf '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://%s.ts\n#EXT-X-ENDLIST\n' "$bait" >hls.mp4
printf '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/bait.ts\n#EXT-X-ENDLIST\n' >web.mp4
printf "ffconcat version 1.0\nfile '%s.wav'\n" "$bait" >concat.mp4
printf "ffconcat version 1.0\nfile 'bait.wav'\n" >relative.mp4
printf 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n' >sdp.mp4
printf '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="audio/wav"><Representation id="a" bandwidth="1"><BaseURL>file://%s.wav</BaseURL></Representation></AdaptationSet></Period></MPD>' "$bait" >dash.mp4
printf '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="file://%s.mp4"/></svg>' "$bait" >svg.mp4
printf '[playlist]\nFile1=%s.wav\nNumberOfEntries=1\n' "$bait" >pls.mp4
printf 'RTSPtext\r\nrtsptext\r\nrtsp://127.0.0.1:9/bait\r\n' >reference.mp4
printf '[Reference]\r\nRef1=http://127.0.0.1:9/bait?MSWMExt=.asf\r\n' >asx.mp4

# Opens and sockets that are not the named file, a library, or what the loader and libc look at.
foreign() {
	grep -E 'open|socket|connect|execve' trace |
		grep -vE 'ENOENT|execve\(.*avl-extract|"/(usr/|lib|etc/|proc/|sys/|dev/urandom)' |
		grep -vF "\"$1\""
}

refused() {
	timeout 20 strace -f -o trace -e trace=open,openat,openat2,socket,connect,execve \
		avl-extract -w 1 -a 16000 "$1" >"$OUT" 2>"$ERR"
	status=$?
	others=$(foreign "$1")
	if [ "$status" -eq 1 ] && [ -z "$others" ] && [ "$(wc -l <"$ERR")" -eq 1 ]; then
		pass "$1 opens nothing else"
	else
		fail "$1 opens nothing else" "status $status
$others
$(t_stderr)"
	fi
}

for file in hls web concat relative sdp dash svg pls reference asx; do
	refused "$file.mp4"
done

# The same eyes see an open that does happen.
strace -f -o trace -e trace=open,openat,openat2,socket,connect,execve \
	avl-extract -w 1 -a 16000 hls.mp4 bait.wav >"$OUT" 2>"$ERR"
if foreign hls.mp4 | grep -q bait.wav; then
	pass 'the trace shows a second file where one is named'
else
	fail 'the trace shows a second file where one is named' "$(cat trace)"
fi

# A name that looks like a protocol is a file.
cp bait.wav concat:bait.wav
t 'a name with a colon is a file' 0 '' -- avl-extract -w 1 -a 0 -o out.tar concat:bait.wav
t 'a protocol is a missing file' 1 "'http://127.0.0.1:9/x.mp4': No such file" \
	-- avl-extract -w 1 -a 0 http://127.0.0.1:9/x.mp4

# A MOV whose samples lie in another file: what a data reference to a file looks like.
if have ffmpeg && have python3; then
	ffmpeg -v error -y -f lavfi -i testsrc=d=1:s=64x48:r=5 -c:v mjpeg own.mov
	python3 - "$bait.mp4" <<'END'
import sys
d = open('own.mov', 'rb').read()
i = d.index(b'dref') - 4
size = int.from_bytes(d[i:i + 4], 'big')
path = sys.argv[1].encode()
name = path.split(b'/')[-1]
# an alias record: the name and type 2 (an absolute path), as QuickTime writes them
alias = bytearray(150)
alias[50] = len(name)
alias[51:51 + len(name)] = name
alias += b'\0\2' + len(path).to_bytes(2, 'big') + path + b'\0' * (len(path) % 2) + b'\xff\xff\0\0'
entry = (12 + len(alias)).to_bytes(4, 'big') + b'alis' + b'\0\0\0\0' + bytes(alias)
dref = (16 + len(entry)).to_bytes(4, 'big') + b'dref' + b'\0\0\0\0\0\0\0\1' + entry
grow = len(dref) - size
out = bytearray(d[:i] + dref + d[i + size:])
at = i
for box in (b'dinf', b'minf', b'mdia', b'trak', b'moov'):
    j = d.rindex(box, 0, at) - 4
    n = int.from_bytes(out[j:j + 4], 'big') + grow
    out[j:j + 4] = n.to_bytes(4, 'big')
open('outside.mov', 'wb').write(out)
END
	timeout 20 strace -f -o trace -e trace=open,openat,openat2,socket,connect \
		avl-extract -w 1 -a 16000 outside.mov >"$OUT" 2>"$ERR"
	is 'a MOV with samples elsewhere opens nothing else' "$(foreign outside.mov)" ''
else
	skip 'a MOV with samples elsewhere opens nothing else' 'ffmpeg or python3 is missing'
fi
done_testing
