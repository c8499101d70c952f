/* SPDX-License-Identifier: MIT */
#include "media/scan.h"

#include <stdlib.h>

#include "media/classify.h"
#include "media/demux.h"

static int append(struct avl_scan *scan, size_t *room, struct avl_packet packet,
		  struct avl_err *err)
{
	if (scan->n == *room) {
		const size_t more = *room ? 2 * *room : 1024;
		struct avl_packet *grown = realloc(scan->packet, more * sizeof *grown);
		if (!grown)
			return avl_fail(err, AVL_ENOMEM, "out of memory");
		scan->packet = grown;
		*room = more;
	}
	scan->packet[scan->n++] = packet;
	return 0;
}

/* Flags that only the whole scan can make sense of. */
enum { ENTRY = 1 << 8, UNUSED = 1 << 9, LAYER_SHIFT = 16 };

static uint32_t packet_flags(struct avl_scan *scan, const AVCodecParameters *codec,
			     const AVPacket *packet)
{
	const struct avl_packet_class class = avl_packet_classify(codec, packet);
	uint32_t flags = (uint32_t) class.layer << LAYER_SHIFT;
	if (packet->flags & AV_PKT_FLAG_KEY)
		flags |= AVL_PACKET_KEY;
	if (packet->flags & AV_PKT_FLAG_DISCARD || class.hidden)
		flags |= AVL_PACKET_HIDDEN;
	if (class.clean)
		flags |= AVL_PACKET_CLEAN;
	if (class.entry)
		flags |= ENTRY;
	if (class.unused)
		flags |= UNUSED;
	scan->told_apart = scan->told_apart && class.known;
	return flags;
}

/* A picture that nobody of its own layer refers to is disposable in the highest layer only. */
static void find_disposable(struct avl_scan *scan)
{
	uint32_t top = 0;
	for (size_t i = 0; i < scan->n; i++)
		if (scan->packet[i].flags >> LAYER_SHIFT > top)
			top = scan->packet[i].flags >> LAYER_SHIFT;
	for (size_t i = 0; i < scan->n; i++) {
		uint32_t *const flags = &scan->packet[i].flags;
		if (*flags & UNUSED && *flags >> LAYER_SHIFT == top)
			*flags |= AVL_PACKET_DISPOSABLE;
	}
}

/* An entry is clean where nothing behind it is shown before it. A clean packet must also come
 * behind everything before it, or groups would overlap in time. */
static void find_clean(struct avl_scan *scan)
{
	int64_t least = INT64_MAX;
	for (size_t i = scan->n; i-- > 0;) {
		struct avl_packet *const p = &scan->packet[i];
		if (p->flags & ENTRY && p->pts < least)
			p->flags |= AVL_PACKET_CLEAN;
		if (p->pts < least)
			least = p->pts;
	}
	int64_t most = INT64_MIN;
	for (size_t i = 0; i < scan->n; i++) {
		struct avl_packet *const p = &scan->packet[i];
		if (p->pts <= most)
			p->flags &= ~(uint32_t)AVL_PACKET_CLEAN;
		if (p->pts > most)
			most = p->pts;
	}
}

static void simplify_flags(struct avl_scan *scan)
{
	find_disposable(scan);
	find_clean(scan);
	for (size_t i = 0; i < scan->n; i++)
		scan->packet[i].flags &=
		    AVL_PACKET_KEY | AVL_PACKET_DISPOSABLE | AVL_PACKET_HIDDEN | AVL_PACKET_CLEAN;
}

static void find_range(struct avl_scan *scan, const AVStream *stream, int64_t last_duration)
{
	int64_t first = INT64_MAX, last = INT64_MIN, before_last = INT64_MIN;
	for (size_t i = 0; i < scan->n; i++) {
		const struct avl_packet *const p = &scan->packet[i];
		if (p->flags & AVL_PACKET_HIDDEN)
			continue;
		if (p->pts < first)
			first = p->pts;
		if (p->pts > last) {
			before_last = last;
			last = p->pts;
		} else if (p->pts > before_last && p->pts < last) {
			before_last = p->pts;
		}
	}
	if (last == INT64_MIN)
		first = last = 0;
	/* AVI gives each frame the length of a slot, of which a frame may take more */
	if (!scan->timed && before_last != INT64_MIN && last - before_last > last_duration)
		last_duration = last - before_last;
	if (last_duration <= 0 && stream->avg_frame_rate.num > 0)
		last_duration =
		    av_rescale_q(1, av_inv_q(stream->avg_frame_rate), stream->time_base);
	if (last_duration <= 0 && before_last != INT64_MIN)
		last_duration = last - before_last;
	if (last_duration <= 0)
		last_duration = 1;
	scan->origin = first;
	scan->end = last - first + (scan->damage.code ? 0 : last_duration);
	for (size_t i = 0; i < scan->n; i++)
		scan->packet[i].pts -= first;
}

int avl_scan_make(struct avl_scan *scan, struct avl_demux *demux, struct avl_err *err)
{
	const AVStream *const stream = demux->stream;
	size_t room = 0;
	int64_t last = INT64_MIN, last_duration = 0;
	int rc;
	*scan = (struct avl_scan){.tick_num = stream->time_base.num,
				  .tick_den = stream->time_base.den,
				  .timed = true,
				  .told_apart = true};
	while ((rc = avl_demux_read(demux, err)) > 0) {
		const AVPacket *const packet = demux->packet;
		int64_t pts = packet->pts;
		if (pts == AV_NOPTS_VALUE) {
			scan->timed = false;
			pts = packet->dts != AV_NOPTS_VALUE ? packet->dts : scan->n ? last + 1 : 0;
		}
		if (pts >= last) {
			last = pts;
			last_duration = packet->duration;
		}
		rc = append(scan, &room,
			    (struct avl_packet){pts, packet_flags(scan, stream->codecpar, packet),
						packet->pos},
			    err);
		if (rc)
			break;
	}
	if (rc == AVL_EFORMAT && scan->n) {
		scan->damage = *err;
		rc = 0;
	}
	if (!rc && !scan->n)
		rc = avl_fail(err, AVL_EFORMAT, "its video has no frame");
	if (rc) {
		avl_scan_release(scan);
		return rc;
	}
	find_range(scan, stream, last_duration);
	simplify_flags(scan);
	return 0;
}

void avl_scan_release(struct avl_scan *scan)
{
	free(scan->packet);
	scan->packet = NULL;
	scan->n = 0;
}

double avl_scan_seconds(const struct avl_scan *scan, int64_t ticks)
{
	return (double)ticks * scan->tick_num / scan->tick_den;
}

void avl_scan_shift(struct avl_scan *scan, int64_t origin)
{
	const int64_t by = origin - scan->origin;
	for (size_t i = 0; i < scan->n; i++)
		scan->packet[i].pts -= by;
	scan->origin = origin;
	scan->end -= by;
}

double avl_scan_slack(const struct avl_scan *scan)
{
	const double tick = (double)scan->tick_num / scan->tick_den;
	return tick <= 1e-3 && tick > 1e-6 ? 0.999 * tick : 1e-6;
}
