/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_INTACT_H
#define AVL_MEDIA_INTACT_H

#include "base/err.h"
#include "media/source.h"

/* Whether a file is as long as its container says, which demuxers do not always tell: they hand
 * out what is there and call it the end. Looks at sizes and end marks only, and passes any file of
 * a kind it does not know. AVL_EFORMAT: "is cut off: ...".
 *
 * ISO media (MP4, MOV): every box ends inside the file. Matroska, WebM: so does every cluster, and
 * the segment. RIFF (AVI, WAV, WebP): so does every RIFF chunk. Ogg: the last page is whole, and
 * each stream ends in a page that says so. FLV: the last tag is whole. MPEG transport streams: the
 * last packet is. MP3: the bytes its Xing tag counts are there. PNG: IEND. JPEG: an end mark. GIF:
 * the trailer. What a container does not say cannot be found here: an MPEG transport stream or FLV
 * cut between packets, an MP3 without a Xing tag, a Matroska written to a pipe and cut between
 * clusters, or a fragmented MP4 cut between fragments. */
int avl_intact_check(const struct avl_source *source, struct avl_err *err);

#endif
