/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_CLASSIFY_H
#define AVL_MEDIA_CLASSIFY_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>

/* What the first bytes of a coded picture tell about who refers to whom. */
struct avl_packet_class {
	bool known; /* the codec is one whose pictures can be told apart */
	bool clean; /* an entry: nothing behind it, in the order of decoding, refers to before it */
	bool entry; /* as CLEAN, but for pictures behind it that are shown before it */
	bool unused; /* no picture of its temporal layer or a lower one refers to it */
	bool hidden; /* never shown */
	int layer;   /* temporal layer (HEVC), else 0 */
};

/* H.264 (ITU-T H.264, 7.3.1: nal_ref_idc, nal_unit_type), HEVC (H.265, 7.4.2.2: the types whose
 * names end in _N, IDR, CRA, BLA), MPEG-4 part 2 (vop_coding_type), MPEG-1 and -2
 * (picture_coding_type), VP8 (RFC 6386, 9.1), VP9, and codecs that have only intra pictures. */
struct avl_packet_class avl_packet_classify(const AVCodecParameters *codec, const AVPacket *packet);

#endif
