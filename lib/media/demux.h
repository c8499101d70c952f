/* SPDX-License-Identifier: MIT */
#ifndef AVL_MEDIA_DEMUX_H
#define AVL_MEDIA_DEMUX_H

#include <stdbool.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "base/err.h"
#include "media/source.h"

/* One stream of a source: the private face of FFmpeg's demuxers and decoders. */
struct avl_demux {
	AVFormatContext *format;
	AVStream *stream; /* the one that is read; all others are discarded */
	AVPacket *packet; /* the last that was read */
	bool still;       /* an image file */
};

/* Opens the best stream of KIND; AVL_ENONE where there is none. SOURCE must outlive DEMUX. */
int avl_demux_open(struct avl_demux *demux, const struct avl_source *source, enum AVMediaType kind,
		   struct avl_err *err);
/* The same of the same source, with what OTHER, an open stream of it, has found out about it: the
 * streams are not probed again where the container's head tells them all. */
int avl_demux_open_like(struct avl_demux *demux, const struct avl_demux *other,
			const struct avl_source *source, enum AVMediaType kind,
			struct avl_err *err);
void avl_demux_close(struct avl_demux *demux);

/* 1: the next packet of the stream is in demux->packet. 0: end. Negative: damaged. */
int avl_demux_read(struct avl_demux *demux, struct avl_err *err);

/* Whether packets read behind a seek are those that reading from the start gives: so it is where a
 * container has an index of whole frames. */
bool avl_demux_indexed(const struct avl_demux *demux);
/* Goes to a packet before which decoding need not begin to show PTS, in ticks of the file's clock.
 * False where that fails: then the demuxer must be opened anew. */
bool avl_demux_seek(struct avl_demux *demux, int64_t pts);

/* A decoder for the stream, strict about damage. */
int avl_demux_decoder(const struct avl_demux *demux, int threads, AVCodecContext **decoder,
		      struct avl_err *err);

/* 1: the decoder's next frame is in FRAME. 0: it has no more. AVL_DECODER_HUNGRY: it needs a packet
 * first. Negative: error. */
enum { AVL_DECODER_HUNGRY = 2 };
int avl_decoder_receive(AVCodecContext *decoder, AVFrame *frame, struct avl_err *err);
/* PACKET NULL: no more will come. */
int avl_decoder_send(AVCodecContext *decoder, const AVPacket *packet, struct avl_err *err);

/* "cannot decode: Invalid data found ..." and the like. */
int avl_fail_av(struct avl_err *err, int averror, const char *what);

#endif
