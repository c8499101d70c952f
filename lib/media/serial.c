/* SPDX-License-Identifier: MIT */
#include "media/serial.h"

/* The first keyframe, or the first packet where there is none. */
static size_t find_entry(const struct avl_scan *scan)
{
	for (size_t i = 0; i < scan->n; i++)
		if (scan->packet[i].flags & AVL_PACKET_KEY)
			return i;
	return 0;
}

/* Whether packet I can be decoded: it does not come before the entry, and is not shown before it,
 * which would mean that it refers to what comes before. */
static bool is_decodable(const struct avl_serial *serial, size_t i)
{
	const struct avl_scan *const scan = serial->scan;
	if (i >= scan->n)
		return true;
	const struct avl_packet *const entry = &scan->packet[serial->entry];
	if (i <= serial->entry)
		return i == serial->entry;
	return !scan->timed || entry->flags & AVL_PACKET_CLEAN ||
	       !(entry->flags & AVL_PACKET_KEY) || scan->packet[i].pts > entry->pts;
}

/* 1: the decoder's next frame is in AHEAD. 0: there is none. */
static int decode(struct avl_serial *serial, struct avl_err *err)
{
	for (;;) {
		const int rc = avl_decoder_receive(serial->decoder, serial->ahead, err);
		if (rc != AVL_DECODER_HUNGRY)
			return rc;
		if (serial->drained)
			return 0;
		const int more = avl_demux_read(&serial->demux, err);
		if (more < 0)
			return more;
		serial->drained = !more;
		if (more && !is_decodable(serial, serial->cursor++))
			continue;
		const int sent =
		    avl_decoder_send(serial->decoder, more ? serial->demux.packet : NULL, err);
		if (sent)
			return sent;
	}
}

int avl_serial_open(struct avl_serial *serial, const struct avl_demux *other,
		    const struct avl_source *source, const struct avl_scan *scan, int threads,
		    struct avl_err *err)
{
	*serial = (struct avl_serial){.scan = scan,
				      .entry = find_entry(scan),
				      .shown = av_frame_alloc(),
				      .ahead = av_frame_alloc()};
	if (!serial->shown || !serial->ahead)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	int rc = avl_demux_open_like(&serial->demux, other, source, AVMEDIA_TYPE_VIDEO, err);
	if (!rc)
		rc = avl_demux_decoder(&serial->demux, threads, &serial->decoder, err);
	if (rc)
		return rc;
	rc = decode(serial, err);
	if (!rc)
		return avl_fail(err, AVL_EFORMAT, "its video has no frame");
	serial->has_ahead = rc > 0;
	return rc < 0 ? rc : 0;
}

void avl_serial_close(struct avl_serial *serial)
{
	avcodec_free_context(&serial->decoder);
	avl_demux_close(&serial->demux);
	av_frame_free(&serial->shown);
	av_frame_free(&serial->ahead);
}

static void take_ahead(struct avl_serial *serial)
{
	AVFrame *const swap = serial->shown;
	serial->shown = serial->ahead;
	serial->ahead = swap;
	av_frame_unref(serial->ahead);
	serial->has_shown = true;
	serial->has_ahead = false;
}

static double ahead_seconds(const struct avl_serial *serial)
{
	const int64_t stamp = serial->ahead->best_effort_timestamp;
	return stamp == AV_NOPTS_VALUE
		   ? 0
		   : avl_scan_seconds(serial->scan, stamp - serial->scan->origin);
}

int avl_serial_seek(struct avl_serial *serial, double time_s, bool *same, struct avl_err *err)
{
	const double limit = time_s + avl_scan_slack(serial->scan);
	*same = serial->has_shown;
	for (;;) {
		if (!serial->has_ahead) {
			const int rc = decode(serial, err);
			if (rc < 0)
				return rc;
			serial->has_ahead = rc;
		}
		if (!serial->has_ahead)
			return 0;
		if (serial->has_shown && ahead_seconds(serial) > limit)
			return 0;
		take_ahead(serial);
		*same = false;
	}
}
