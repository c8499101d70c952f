/* SPDX-License-Identifier: MIT */
#include "media/picture.h"

#include <libavutil/display.h>
#include <stdlib.h>

#include "media/demux.h"
#include "media/pixels.h"

struct avl_picture {
	struct avl_picture_options options;
	struct avl_demux demux;
	struct avl_scan scan;
	AVCodecContext *decoder;
	int64_t clock;          /* where the sound's time 0 lies, in ticks of the file's clock */
	AVFrame *shown, *ahead; /* the frame at the last time asked for, and the one behind it */
	bool has_shown, has_ahead, drained;
	struct avl_pixels pixels;
	struct avl_picture_frame made; /* SHOWN as RGB, where made.rgb is not NULL */
};

static double frame_seconds(const struct avl_picture *picture, const AVFrame *frame)
{
	return avl_scan_seconds(&picture->scan,
				frame->best_effort_timestamp - picture->scan.origin);
}

static int feed(struct avl_picture *picture, struct avl_err *err)
{
	const int more = avl_demux_read(&picture->demux, err);
	if (more < 0)
		return more;
	picture->drained = !more;
	const int rc = avcodec_send_packet(picture->decoder, more ? picture->demux.packet : NULL);
	if (rc < 0 && rc != AVERROR_EOF)
		return avl_fail_av(err, rc, "its picture data is damaged");
	return 0;
}

/* 1: the decoder's next frame is in FRAME. 0: there is none. */
static int decode(struct avl_picture *picture, AVFrame *frame, struct avl_err *err)
{
	for (;;) {
		const int rc = avcodec_receive_frame(picture->decoder, frame);
		if (rc == AVERROR_EOF || (rc == AVERROR(EAGAIN) && picture->drained))
			return 0;
		if (rc == AVERROR(EAGAIN)) {
			const int fed = feed(picture, err);
			if (fed)
				return fed;
			continue;
		}
		if (rc < 0)
			return avl_fail_av(err, rc, "its picture data is damaged");
		if (frame->flags & AV_FRAME_FLAG_CORRUPT || frame->decode_error_flags)
			return avl_fail(err, AVL_EFORMAT, "its picture data is damaged");
		if (frame->best_effort_timestamp == AV_NOPTS_VALUE)
			frame->best_effort_timestamp = picture->scan.origin;
		return 1;
	}
}

/* A file may begin with frames that cannot be decoded, and not every container tells when a frame
 * is shown: time 0 is the first frame that comes out. */
static int decode_first(struct avl_picture *picture, struct avl_err *err)
{
	const int rc = decode(picture, picture->ahead, err);
	if (rc < 0)
		return rc;
	if (!rc)
		return avl_fail(err, AVL_EFORMAT, "its video has no frame");
	picture->has_ahead = true;
	/* AVI counts frames as they are stored: what the decoder holds back at the start delays no
	 * sound, and takes nothing off the end */
	picture->clock =
	    picture->scan.timed ? picture->ahead->best_effort_timestamp : picture->scan.origin;
	const int64_t end = picture->scan.end;
	avl_scan_shift(&picture->scan, picture->ahead->best_effort_timestamp);
	if (!picture->scan.timed)
		picture->scan.end = end;
	return 0;
}

static int rewind_demux(struct avl_picture *picture, const struct avl_source *source,
			struct avl_err *err)
{
	avl_demux_close(&picture->demux);
	return avl_demux_open(&picture->demux, source, AVMEDIA_TYPE_VIDEO, err);
}

int avl_picture_open(struct avl_picture **out, const struct avl_source *source,
		     const struct avl_picture_options *options, struct avl_err *err)
{
	struct avl_picture *picture = calloc(1, sizeof *picture);
	*out = picture;
	if (!picture)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	picture->options = *options;
	picture->shown = av_frame_alloc();
	picture->ahead = av_frame_alloc();
	int rc = picture->shown && picture->ahead ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
	if (rc || (rc = avl_demux_open(&picture->demux, source, AVMEDIA_TYPE_VIDEO, err)) ||
	    (rc = avl_scan_make(&picture->scan, &picture->demux, err)) ||
	    (rc = rewind_demux(picture, source, err)) ||
	    (rc = avl_demux_decoder(&picture->demux, options->threads, &picture->decoder, err)) ||
	    (rc = decode_first(picture, err))) {
		avl_picture_close(picture);
		*out = NULL;
	}
	return rc;
}

void avl_picture_close(struct avl_picture *picture)
{
	if (!picture)
		return;
	avcodec_free_context(&picture->decoder);
	avl_demux_close(&picture->demux);
	avl_scan_release(&picture->scan);
	av_frame_free(&picture->shown);
	av_frame_free(&picture->ahead);
	avl_pixels_release(&picture->pixels);
	free(picture->made.rgb);
	free(picture);
}

bool avl_picture_still(const struct avl_picture *picture)
{
	return picture->demux.still;
}

const struct avl_scan *avl_picture_scan(const struct avl_picture *picture)
{
	return &picture->scan;
}

double avl_picture_origin(const struct avl_picture *picture)
{
	return avl_scan_seconds(&picture->scan, picture->clock);
}

static struct avl_turn frame_turn(const struct avl_picture *picture, const AVFrame *frame)
{
	const AVFrameSideData *const own =
	    av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
	if (own && own->size >= 9 * sizeof(int32_t))
		return avl_turn_from_matrix((const int32_t *)(const void *)own->data);
	size_t size = 0;
	const uint8_t *const matrix =
	    av_stream_get_side_data(picture->demux.stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
	return avl_turn_from_matrix(
	    size >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)matrix : NULL);
}

static void take_ahead(struct avl_picture *picture)
{
	AVFrame *const swap = picture->shown;
	picture->shown = picture->ahead;
	picture->ahead = swap;
	av_frame_unref(picture->ahead);
	picture->has_shown = true;
	picture->has_ahead = false;
	free(picture->made.rgb);
	picture->made.rgb = NULL;
}

static int advance(struct avl_picture *picture, double time_s, struct avl_err *err)
{
	const double limit = time_s + avl_scan_slack(&picture->scan);
	for (;;) {
		if (!picture->has_ahead && !picture->drained) {
			const int rc = decode(picture, picture->ahead, err);
			if (rc < 0)
				return rc;
			picture->has_ahead = rc;
		}
		if (!picture->has_ahead)
			return 0;
		if (picture->has_shown && frame_seconds(picture, picture->ahead) > limit)
			return 0;
		take_ahead(picture);
	}
}

int avl_picture_at(struct avl_picture *picture, double time_s, struct avl_picture_frame *frame,
		   struct avl_err *err)
{
	int rc = advance(picture, time_s, err);
	if (rc)
		return rc;
	if (!picture->made.rgb) {
		struct avl_picture_frame *const made = &picture->made;
		rc = avl_pixels_make(&picture->pixels, picture->shown,
				     frame_turn(picture, picture->shown), picture->options.to_width,
				     picture->options.to_height, &made->rgb, &made->width,
				     &made->height, err);
		if (rc)
			return rc;
		made->time_s = frame_seconds(picture, picture->shown);
	}
	*frame = picture->made;
	return 0;
}
