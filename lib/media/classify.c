/* SPDX-License-Identifier: MIT */
#include "media/classify.h"

typedef void unit_reader(struct avl_packet_class *class, const uint8_t *unit, size_t n);

/* Calls READ for each NAL unit behind a length of LENGTH_SIZE bytes. */
static bool each_sized(struct avl_packet_class *class, const uint8_t *p, size_t n,
		       size_t length_size, unit_reader *read)
{
	while (n > length_size) {
		size_t size = 0;
		for (size_t i = 0; i < length_size; i++)
			size = size << 8 | p[i];
		p += length_size;
		n -= length_size;
		if (size > n)
			return false;
		read(class, p, size);
		p += size;
		n -= size;
	}
	return true;
}

/* Calls READ with what follows each start code 00 00 01. */
static bool each_started(struct avl_packet_class *class, const uint8_t *p, size_t n,
			 unit_reader *read)
{
	bool any = false;
	for (size_t i = 0; i + 3 < n; i++) {
		if (p[i] || p[i + 1] || p[i + 2] != 1)
			continue;
		read(class, p + i + 3, n - i - 3);
		i += 2;
		any = true;
	}
	return any;
}

static void read_h264(struct avl_packet_class *class, const uint8_t *unit, size_t n)
{
	const int type = n ? unit[0] & 31 : 0;
	if (type < 1 || type > 5)
		return;
	class->known = true;
	if (unit[0] & 0x60)
		class->unused = false;
	if (type == 5)
		class->clean = true;
}

static void read_hevc(struct avl_packet_class *class, const uint8_t *unit, size_t n)
{
	const int type = n > 1 ? unit[0] >> 1 & 63 : 63;
	if (type > 31)
		return;
	class->known = true;
	class->layer = (unit[1] & 7) - 1;
	if (type > 14 || type & 1)
		class->unused = false;
	if (type == 19 || type == 20)
		class->clean = true;
	if (type >= 16 && type <= 21)
		class->entry = true;
}

static void read_mpeg4(struct avl_packet_class *class, const uint8_t *unit, size_t n)
{
	if (n < 2 || unit[0] != 0xb6)
		return;
	/* two pictures in a packet: AVI's packed stream, which is left alone */
	class->known = !class->known;
	if (unit[1] >> 6 != 2)
		class->unused = false;
	if (unit[1] >> 6 == 0)
		class->entry = true;
}

static void read_mpeg2(struct avl_packet_class *class, const uint8_t *unit, size_t n)
{
	if (n < 3 || unit[0] != 0)
		return;
	const int type = unit[2] >> 3 & 7;
	class->known = true;
	if (type != 3)
		class->unused = false;
	if (type == 1)
		class->entry = true;
}

static bool is_intra_only(enum AVCodecID id)
{
	const AVCodecDescriptor *const descriptor = avcodec_descriptor_get(id);
	return descriptor && descriptor->props & AV_CODEC_PROP_INTRA_ONLY;
}

struct avl_packet_class avl_packet_classify(const AVCodecParameters *codec, const AVPacket *packet)
{
	struct avl_packet_class class = {.unused = true};
	const uint8_t *const extra = codec->extradata;
	const size_t n = (size_t)packet->size;
	const bool key = packet->flags & AV_PKT_FLAG_KEY;
	switch (codec->codec_id) {
	case AV_CODEC_ID_H264:
		if (codec->extradata_size > 6 && extra[0] == 1)
			class.known =
			    each_sized(&class, packet->data, n, (extra[4] & 3) + 1u, read_h264) &&
			    class.known;
		else
			each_started(&class, packet->data, n, read_h264);
		break;
	case AV_CODEC_ID_HEVC:
		if (codec->extradata_size > 22 && extra[0] == 1)
			class.known =
			    each_sized(&class, packet->data, n, (extra[21] & 3) + 1u, read_hevc) &&
			    class.known;
		else
			each_started(&class, packet->data, n, read_hevc);
		break;
	case AV_CODEC_ID_MPEG4:
		each_started(&class, packet->data, n, read_mpeg4);
		break;
	case AV_CODEC_ID_MPEG1VIDEO:
	case AV_CODEC_ID_MPEG2VIDEO:
		each_started(&class, packet->data, n, read_mpeg2);
		break;
	case AV_CODEC_ID_VP8:
		class = (struct avl_packet_class){
		    .known = n > 0, .clean = key, .hidden = n && !(packet->data[0] & 0x10)};
		break;
	case AV_CODEC_ID_VP9:
		class = (struct avl_packet_class){.known = n > 0, .clean = key};
		break;
	default:
		class.known = class.clean = is_intra_only(codec->codec_id);
		break;
	}
	class.unused = class.unused && class.known;
	return class;
}
