/* SPDX-License-Identifier: MIT */
#include "media/team.h"

#include <libavutil/display.h>
#include <pthread.h>
#include <stdlib.h>

/* Bytes of finished frames a thread may have waiting, and the least and most frames. */
enum { WAITING_BYTES = 24 << 20, WAITING_MIN = 2, WAITING_MAX = 8 };

/* A shot, or why there is none. */
struct result {
	struct avl_shot shot;
	int rc;
	struct avl_err err;
};

struct worker {
	struct avl_team *team;
	int number;
	pthread_t thread;
	bool started;
	struct avl_gop gop;
	struct avl_shoot shoot;
	struct result waiting[WAITING_MAX];
	int head, count;
};

struct avl_team {
	struct avl_team_job job;
	struct worker *worker;
	int workers;
	bool threaded;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t next_group; /* that no worker has taken yet */
	int *owner;        /* of each group: a worker, or -1 */
	bool stop;
	size_t group, want; /* the caller is at this one of the plan */
};

static struct avl_turn frame_turn(const AVStream *stream, const AVFrame *frame)
{
	const AVFrameSideData *const own =
	    av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
	if (own && own->size >= 9 * sizeof(int32_t))
		return avl_turn_from_matrix((const int32_t *)(const void *)own->data);
	size_t size = 0;
	const uint8_t *const matrix =
	    av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
	return avl_turn_from_matrix(
	    size >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)matrix : NULL);
}

int avl_shoot(struct avl_shoot *shoot, const AVFrame *frame, const AVStream *stream,
	      const struct avl_scan *scan, struct avl_shot *shot, struct avl_err *err)
{
	const int64_t stamp = frame->best_effort_timestamp;
	shot->stamp = stamp == AV_NOPTS_VALUE ? 0 : stamp - scan->origin;
	return avl_pixels_make(&shoot->pixels, frame, frame_turn(stream, frame), shoot->to_width,
			       shoot->to_height, &shot->rgb, &shot->width, &shot->height, err);
}

static int take_shot(struct worker *worker, int64_t want, struct avl_shot *shot,
		     struct avl_err *err)
{
	struct avl_gop *const gop = &worker->gop;
	const int rc = avl_gop_seek(gop, want, err);
	return rc ? rc
		  : avl_shoot(&worker->shoot, gop->shown, gop->demux.stream, gop->scan, shot, err);
}

static int room_for(const struct avl_shot *shot)
{
	const size_t bytes = (size_t)shot->width * (size_t)shot->height * 3 + 1;
	const size_t n = WAITING_BYTES / bytes;
	return n < WAITING_MIN ? WAITING_MIN : n > WAITING_MAX ? WAITING_MAX : (int)n;
}

/* False where the team is stopped. */
static bool push(struct worker *worker, const struct result *result)
{
	struct avl_team *const team = worker->team;
	const int room = result->rc ? WAITING_MIN : room_for(&result->shot);
	pthread_mutex_lock(&team->lock);
	while (!team->stop && worker->count >= room)
		pthread_cond_wait(&team->changed, &team->lock);
	const bool stopped = team->stop;
	if (!stopped) {
		worker->waiting[(worker->head + worker->count) % WAITING_MAX] = *result;
		worker->count++;
		pthread_cond_broadcast(&team->changed);
	}
	pthread_mutex_unlock(&team->lock);
	return !stopped;
}

/* The next group that nobody has taken, or NULL. */
static const struct avl_group *take_group(struct worker *worker)
{
	struct avl_team *const team = worker->team;
	const struct avl_group *group = NULL;
	pthread_mutex_lock(&team->lock);
	if (!team->stop && team->next_group < team->job.plan->groups) {
		team->owner[team->next_group] = worker->number;
		group = &team->job.plan->group[team->next_group++];
		pthread_cond_broadcast(&team->changed);
	}
	pthread_mutex_unlock(&team->lock);
	return group;
}

static void *work(void *arg)
{
	struct worker *const worker = arg;
	const struct avl_plan *const plan = worker->team->job.plan;
	const struct avl_group *group;
	while ((group = take_group(worker))) {
		avl_gop_start(&worker->gop, group);
		for (size_t i = 0; i < group->wants; i++) {
			struct result result = {0};
			result.rc = take_shot(worker, plan->want[group->want + i], &result.shot,
					      &result.err);
			if (!push(worker, &result)) {
				free(result.shot.rgb);
				return NULL;
			}
			if (result.rc)
				return NULL;
		}
	}
	return NULL;
}

static int worker_open(struct avl_team *team, int number, struct avl_err *err)
{
	struct worker *const worker = &team->worker[number];
	const struct avl_team_job *const job = &team->job;
	worker->team = team;
	worker->number = number;
	worker->shoot.to_width = job->to_width;
	worker->shoot.to_height = job->to_height;
	team->workers++;
	return avl_gop_open(&worker->gop, job->probed, job->source, job->scan, job->plan, err);
}

static int start_threads(struct avl_team *team, struct avl_err *err)
{
	for (int i = 0; i < team->workers; i++) {
		struct worker *const worker = &team->worker[i];
		if (pthread_create(&worker->thread, NULL, work, worker))
			return avl_fail(err, AVL_ENOMEM, "no more threads");
		worker->started = true;
	}
	return 0;
}

int avl_team_new(struct avl_team **out, const struct avl_team_job *job, struct avl_err *err)
{
	struct avl_team *const team = calloc(1, sizeof *team);
	const size_t groups = job->plan->groups;
	const int workers = (size_t)job->threads < groups ? job->threads : (int)groups;
	*out = team;
	if (!team)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	team->job = *job;
	pthread_mutex_init(&team->lock, NULL);
	pthread_cond_init(&team->changed, NULL);
	team->worker = calloc((size_t)workers + 1, sizeof *team->worker);
	team->owner = malloc((groups + 1) * sizeof *team->owner);
	int rc = team->worker && team->owner ? 0 : avl_fail(err, AVL_ENOMEM, "out of memory");
	for (size_t i = 0; !rc && i < groups; i++)
		team->owner[i] = -1;
	for (int i = 0; !rc && i < workers; i++)
		rc = worker_open(team, i, err);
	team->threaded = job->threads > 1;
	if (!rc && team->threaded)
		rc = start_threads(team, err);
	if (rc) {
		avl_team_free(team);
		*out = NULL;
	}
	return rc;
}

static void worker_close(struct worker *worker)
{
	if (worker->started)
		pthread_join(worker->thread, NULL);
	for (int i = 0; i < worker->count; i++)
		free(worker->waiting[(worker->head + i) % WAITING_MAX].shot.rgb);
	avl_gop_close(&worker->gop);
	avl_pixels_release(&worker->shoot.pixels);
}

void avl_team_free(struct avl_team *team)
{
	if (!team)
		return;
	pthread_mutex_lock(&team->lock);
	team->stop = true;
	pthread_cond_broadcast(&team->changed);
	pthread_mutex_unlock(&team->lock);
	for (int i = 0; i < team->workers; i++)
		worker_close(&team->worker[i]);
	pthread_cond_destroy(&team->changed);
	pthread_mutex_destroy(&team->lock);
	free(team->worker);
	free(team->owner);
	free(team);
}

/* Waits for the first result of the group the caller is at. */
static struct result pop(struct avl_team *team)
{
	pthread_mutex_lock(&team->lock);
	while (team->owner[team->group] < 0 || !team->worker[team->owner[team->group]].count)
		pthread_cond_wait(&team->changed, &team->lock);
	struct worker *const worker = &team->worker[team->owner[team->group]];
	const struct result result = worker->waiting[worker->head];
	worker->head = (worker->head + 1) % WAITING_MAX;
	worker->count--;
	pthread_cond_broadcast(&team->changed);
	pthread_mutex_unlock(&team->lock);
	return result;
}

int avl_team_next(struct avl_team *team, struct avl_shot *shot, struct avl_err *err)
{
	const struct avl_plan *const plan = team->job.plan;
	while (team->want == plan->group[team->group].want + plan->group[team->group].wants)
		team->group++;
	const struct avl_group *const group = &plan->group[team->group];
	if (!team->threaded) {
		struct worker *const worker = &team->worker[0];
		if (team->want == group->want)
			avl_gop_start(&worker->gop, group);
		return take_shot(worker, plan->want[team->want++], shot, err);
	}
	const struct result result = pop(team);
	team->want++;
	*shot = result.shot;
	if (result.rc && err)
		*err = result.err;
	return result.rc;
}
