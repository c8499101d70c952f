/* SPDX-License-Identifier: MIT */
#include "media/gop.h"

/* Packets that are read to get rid of them rather than sought beyond. */
enum { FAR = 8 };

int avl_gop_open(struct avl_gop *gop, const struct avl_demux *probed,
		 const struct avl_source *source, const struct avl_scan *scan,
		 const struct avl_plan *plan, struct avl_err *err)
{
	*gop = (struct avl_gop){.source = source,
				.probed = probed,
				.scan = scan,
				.plan = plan,
				.shown = av_frame_alloc(),
				.ahead = av_frame_alloc()};
	if (!gop->shown || !gop->ahead)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	const int rc = avl_demux_open_like(&gop->demux, probed, source, AVMEDIA_TYPE_VIDEO, err);
	if (rc)
		return rc;
	gop->jumps = avl_demux_indexed(&gop->demux);
	return avl_demux_decoder(&gop->demux, 1, &gop->decoder, err);
}

void avl_gop_close(struct avl_gop *gop)
{
	avcodec_free_context(&gop->decoder);
	avl_demux_close(&gop->demux);
	av_frame_free(&gop->shown);
	av_frame_free(&gop->ahead);
}

static void start(struct avl_gop *gop, bool whole)
{
	avcodec_flush_buffers(gop->decoder);
	av_frame_unref(gop->shown);
	av_frame_unref(gop->ahead);
	gop->has_shown = gop->has_ahead = gop->drained = false;
	gop->whole = whole;
	gop->fed = gop->group->first;
}

void avl_gop_start(struct avl_gop *gop, const struct avl_group *group)
{
	gop->group = group;
	start(gop, false);
}

static bool is_packet(const struct avl_gop *gop, size_t i)
{
	const AVPacket *const packet = gop->demux.packet;
	const struct avl_packet *const known = &gop->scan->packet[i];
	return packet->pos == known->position && packet->pts - gop->scan->origin == known->pts;
}

/* Reads packet I, the first of its group, without reading all that lies before it. False where that
 * does not lead there. */
static bool jump(struct avl_gop *gop, size_t i)
{
	const struct avl_packet *const known = &gop->scan->packet[i];
	if (known->position < 0 || !avl_demux_seek(&gop->demux, known->pts + gop->scan->origin))
		return false;
	for (size_t n = 0; n <= i && avl_demux_read(&gop->demux, NULL) > 0; n++)
		if (is_packet(gop, i))
			return true;
	return false;
}

/* Reads the packets up to I. */
static int read_on(struct avl_gop *gop, size_t i, struct avl_err *err)
{
	while (gop->cursor <= i) {
		const int rc = avl_demux_read(&gop->demux, err);
		if (rc < 0)
			return rc;
		if (!rc)
			return avl_fail(err, AVL_EFORMAT, "changed while it was read");
		gop->cursor++;
	}
	return 0;
}

/* Reads packet I into demux.packet. */
static int read_packet(struct avl_gop *gop, size_t i, struct avl_err *err)
{
	const bool is_far = i < gop->cursor || i >= gop->cursor + FAR;
	if (is_far && i == gop->group->first && gop->jumps) {
		gop->jumps = jump(gop, i);
		gop->cursor = gop->jumps ? i + 1 : SIZE_MAX; /* or nobody knows where it is */
		if (gop->jumps)
			return 0;
	}
	if (i < gop->cursor) {
		avl_demux_close(&gop->demux);
		gop->cursor = 0;
		const int rc = avl_demux_open_like(&gop->demux, gop->probed, gop->source,
						   AVMEDIA_TYPE_VIDEO, err);
		if (rc)
			return rc;
	}
	return read_on(gop, i, err);
}

static int feed(struct avl_gop *gop, struct avl_err *err)
{
	const struct avl_group *const group = gop->group;
	const size_t end = gop->whole ? group->end : group->last + 1;
	while (gop->fed < end && !gop->whole &&
	       !avl_plan_needs(gop->plan, group, gop->scan, gop->fed))
		gop->fed++;
	if (gop->fed >= end) {
		gop->drained = true;
		return avl_decoder_send(gop->decoder, NULL, err);
	}
	const int rc = read_packet(gop, gop->fed++, err);
	return rc ? rc : avl_decoder_send(gop->decoder, gop->demux.packet, err);
}

static int decode_ahead(struct avl_gop *gop, struct avl_err *err)
{
	for (;;) {
		const int rc = avl_decoder_receive(gop->decoder, gop->ahead, err);
		if (rc < 0)
			return rc;
		if (rc != AVL_DECODER_HUNGRY) {
			gop->has_ahead = rc;
			return 0;
		}
		if (gop->drained)
			return 0;
		const int fed = feed(gop, err);
		if (fed)
			return fed;
	}
}

static int64_t stamp(const struct avl_gop *gop, const AVFrame *frame)
{
	const int64_t pts =
	    frame->pts == AV_NOPTS_VALUE ? frame->best_effort_timestamp : frame->pts;
	return pts - gop->scan->origin;
}

static void take_ahead(struct avl_gop *gop)
{
	AVFrame *const swap = gop->shown;
	gop->shown = gop->ahead;
	gop->ahead = swap;
	av_frame_unref(gop->ahead);
	gop->has_shown = true;
	gop->has_ahead = false;
}

/* Makes SHOWN the last frame that is not behind WANT, or the first. */
static int advance(struct avl_gop *gop, int64_t want, struct avl_err *err)
{
	while (!gop->has_shown || stamp(gop, gop->shown) != want) {
		const int rc = gop->has_ahead ? 0 : decode_ahead(gop, err);
		if (rc)
			return rc;
		if (!gop->has_ahead)
			return 0;
		if (gop->has_shown && stamp(gop, gop->ahead) > want)
			return 0;
		take_ahead(gop);
	}
	return 0;
}

int avl_gop_seek(struct avl_gop *gop, int64_t want, struct avl_err *err)
{
	int rc = advance(gop, want, err);
	if (rc)
		return rc;
	if (!gop->whole && (!gop->has_shown || stamp(gop, gop->shown) != want)) {
		start(gop, true);
		rc = advance(gop, want, err);
		if (rc)
			return rc;
	}
	if (!gop->has_shown)
		return avl_fail(err, AVL_EFORMAT, "its picture data is damaged");
	return 0;
}
