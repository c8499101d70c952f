/* SPDX-License-Identifier: MIT */
#include "media/picture.h"

#include <stdlib.h>

#include "media/demux.h"
#include "media/plan.h"
#include "media/serial.h"
#include "media/team.h"

struct avl_picture {
	struct avl_picture_options options;
	const struct avl_source *source;
	struct avl_demux probed;
	struct avl_scan scan;
	int64_t clock; /* where the sound's time 0 lies, in ticks of the file's clock */
	const double *times;
	size_t next;
	bool planned; /* by PLAN and TEAM, else by SERIAL */
	struct avl_plan plan;
	struct avl_team *team;
	struct avl_serial serial;
	struct avl_shoot shoot; /* of SERIAL */
	struct avl_shot shot;   /* the last one */
	size_t shot_want;       /* which of the plan that is */
};

/* A file may begin with frames that cannot be decoded, and not every container tells when a frame
 * is shown: time 0 is the first frame that comes out. */
static int open_serial(struct avl_picture *picture, struct avl_err *err)
{
	struct avl_scan *const scan = &picture->scan;
	const int rc = avl_serial_open(&picture->serial, &picture->probed, picture->source, scan,
				       picture->options.threads, err);
	if (rc)
		return rc;
	const int64_t first = picture->serial.ahead->best_effort_timestamp;
	if (first == AV_NOPTS_VALUE)
		return 0;
	const int64_t end = scan->end;
	avl_scan_shift(scan, first);
	if (scan->timed) {
		picture->clock = first;
		return 0;
	}
	/* AVI counts frames as they are stored: what the decoder holds back at the start delays no
	 * sound, and takes nothing off the end */
	scan->end = end;
	return 0;
}

int avl_picture_open(struct avl_picture **out, const struct avl_source *source,
		     const struct avl_picture_options *options, struct avl_err *err)
{
	struct avl_picture *picture = calloc(1, sizeof *picture);
	*out = picture;
	if (!picture)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	picture->options = *options;
	picture->source = source;
	picture->shoot.to_width = options->to_width;
	picture->shoot.to_height = options->to_height;
	int rc = avl_demux_open(&picture->probed, source, AVMEDIA_TYPE_VIDEO, err);
	if (!rc)
		rc = avl_scan_make(&picture->scan, &picture->probed, err);
	if (!rc) {
		picture->clock = picture->scan.origin;
		picture->planned = !options->serial && avl_plan_possible(&picture->scan);
		if (!picture->planned)
			rc = open_serial(picture, err);
	}
	if (rc) {
		avl_picture_close(picture);
		*out = NULL;
	}
	return rc;
}

void avl_picture_close(struct avl_picture *picture)
{
	if (!picture)
		return;
	avl_team_free(picture->team);
	avl_plan_release(&picture->plan);
	avl_serial_close(&picture->serial);
	avl_pixels_release(&picture->shoot.pixels);
	avl_scan_release(&picture->scan);
	avl_demux_close(&picture->probed);
	free(picture->shot.rgb);
	free(picture);
}

bool avl_picture_still(const struct avl_picture *picture)
{
	return picture->probed.still;
}

const struct avl_scan *avl_picture_scan(const struct avl_picture *picture)
{
	return &picture->scan;
}

const struct avl_demux *avl_picture_demux(const struct avl_picture *picture)
{
	return &picture->probed;
}

double avl_picture_origin(const struct avl_picture *picture)
{
	return avl_scan_seconds(&picture->scan, picture->clock);
}

int avl_picture_plan(struct avl_picture *picture, const double *times, size_t n,
		     struct avl_err *err)
{
	picture->times = times;
	if (!picture->planned || !n)
		return 0;
	const int rc = avl_plan_make(&picture->plan, &picture->scan, times, n, err);
	if (rc == AVL_ENONE) {
		picture->planned = false;
		return open_serial(picture, err);
	}
	if (rc)
		return rc;
	const struct avl_team_job job = {
	    &picture->probed,        picture->source,           &picture->scan,
	    &picture->plan,          picture->options.to_width, picture->options.to_height,
	    picture->options.threads};
	return avl_team_new(&picture->team, &job, err);
}

static int next_planned(struct avl_picture *picture, struct avl_err *err)
{
	const size_t want = picture->plan.of_time[picture->next];
	if (picture->shot.rgb && want == picture->shot_want)
		return 0;
	free(picture->shot.rgb);
	picture->shot.rgb = NULL;
	picture->shot_want = want;
	return avl_team_next(picture->team, &picture->shot, err);
}

static int next_serial(struct avl_picture *picture, struct avl_err *err)
{
	struct avl_serial *const serial = &picture->serial;
	bool same;
	const int rc = avl_serial_seek(serial, picture->times[picture->next], &same, err);
	if (rc || (same && picture->shot.rgb))
		return rc;
	free(picture->shot.rgb);
	picture->shot.rgb = NULL;
	return avl_shoot(&picture->shoot, serial->shown, serial->demux.stream, &picture->scan,
			 &picture->shot, err);
}

int avl_picture_next(struct avl_picture *picture, struct avl_picture_frame *frame,
		     struct avl_err *err)
{
	const int rc = picture->planned ? next_planned(picture, err) : next_serial(picture, err);
	if (rc)
		return rc;
	picture->next++;
	frame->rgb = picture->shot.rgb;
	frame->width = picture->shot.width;
	frame->height = picture->shot.height;
	frame->time_s = avl_scan_seconds(&picture->scan, picture->shot.stamp);
	return 0;
}
