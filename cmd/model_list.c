/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/model.h"
#include "net/networks.h"
#include "net/preset.h"

static void list_networks(const char *title, enum avl_stream stream)
{
	const struct avl_network *net;
	printf("%s", title);
	for (int i = 0; (net = avl_network_at(stream, i)); i++)
		printf(" %s", net->name);
	putchar('\n');
}

static void write_sound(const struct avl_contract *c, char *text, size_t size)
{
	int n = snprintf(text, size, "%s", c->sound.front_end);
	if (c->sound.window_s > 0 && n >= 0 && (size_t)n < size)
		n += snprintf(text + n, size - (size_t)n, " %g s", c->sound.window_s);
	if (c->sound.rate_hz && n >= 0 && (size_t)n < size)
		snprintf(text + n, size - (size_t)n, " %d Hz", c->sound.rate_hz);
}

static void write_head(const struct avl_contract *c, char *text, size_t size)
{
	const char *const kind = avl_head_kind_name(c->head.kind);
	if (c->head.count > 1)
		snprintf(text, size, "%d x %s", c->head.count, kind);
	else
		snprintf(text, size, "%s", kind);
}

void model_list(void)
{
	static const char line[] = "%-9s %-25s %-19s %-20s %-10s %s\n";
	const struct avl_preset *preset;
	printf(line, "PRESET", "ARCHITECTURE", "FRAME", "SOUND", "HEAD", "SCORE");
	for (int i = 0; (preset = avl_preset_at(i)); i++) {
		const struct avl_contract *const c = &preset->contract;
		char frame[64], sound[64], head[32];
		snprintf(frame, sizeof frame, "%dx%d %s", c->frame.width, c->frame.height,
			 c->frame.fit == AVL_FIT_CROP ? "cropped" : "stretched");
		write_sound(c, sound, sizeof sound);
		write_head(c, head, sizeof head);
		printf(line, c->preset, c->arch, frame, sound, head, avl_score_name(c->score));
	}
	printf("\nAn architecture is any IMAGE+SOUND of\n");
	list_networks("  IMAGE:", AVL_STREAM_IMAGE);
	list_networks("  SOUND:", AVL_STREAM_SOUND);
	printf("\n");
	for (int i = 0; (preset = avl_preset_at(i)); i++)
		printf("%-9s %s\n", preset->contract.preset, preset->summary);
}
