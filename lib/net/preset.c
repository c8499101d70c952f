/* SPDX-License-Identifier: MIT */
#include "net/preset.h"

#include <stdio.h>
#include <string.h>

#include "net/networks.h"

/* ImageNet's mean and deviation, in 0..255. */
#define IMAGENET .mean = {123.675F, 116.28F, 103.53F}, .std = {58.395F, 57.12F, 57.375F}

#define FRAME(side, how, filter, ...)                                                              \
	{                                                                                          \
		.height = (side), .width = (side), .fit = AVL_FIT_##how,                           \
		.kernel = AVL_KERNEL_##filter, __VA_ARGS__                                         \
	}
#define SOUND(front, rate, seconds, filling, take)                                                 \
	{                                                                                          \
		.front_end = front, .rate_hz = (rate), .window_s = (seconds),                      \
		.anchor = AVL_ANCHOR_CENTRE, .fill = AVL_FILL_##filling,                           \
		.channel = AVL_CHANNEL_##take                                                      \
	}
#define TWO_LAYERS                                                                                 \
	{                                                                                          \
		.kind = AVL_HEAD_FC, .count = 1, .layers = 2, .activation = AVL_ACTIVATION_RELU,   \
		.pool = AVL_POOL_MEAN                                                              \
	}
#define PROJECTIONS(n)                                                                             \
	{                                                                                          \
		.kind = AVL_HEAD_LINEAR, .count = (n), .pool = AVL_POOL_MEAN                       \
	}
#define NO_HEAD                                                                                    \
	{                                                                                          \
		.kind = AVL_HEAD_NONE, .count = 1, .pool = AVL_POOL_MEAN                           \
	}

static const struct avl_preset presets[] = {
    {"this project's: EfficientNet-Lite0 and YAMNet, joined by a table of classes",
     {.arch = "efficientnet_lite0+yamnet",
      .preset = "default",
      .frame = FRAME(448, STRETCH, BICUBIC, .mean = {127, 127, 127}, .std = {128, 128, 128}),
      .sound = SOUND("yamnet", 16000, 4, ZERO, MIX),
      .head = {.kind = AVL_HEAD_FC,
	       .count = 1,
	       .layers = 2,
	       .activation = AVL_ACTIVATION_SIGMOID,
	       .floor = 0.05,
	       .pool = AVL_POOL_MAX},
      .score = AVL_SCORE_DOT,
      .temperature = 1}},
    {"Senocak et al. 2018, Learning to Localize Sound Source in Visual Scenes",
     {.arch = "vgg16+soundnet",
      .preset = "senocak",
      .frame = FRAME(320, STRETCH, BILINEAR, IMAGENET),
      .sound = SOUND("soundnet", 0, 20, TILE, FIRST),
      .head = TWO_LAYERS,
      .score = AVL_SCORE_COSINE_RELU,
      .temperature = 1}},
    {"Chen et al. 2021, Localizing Visual Sounds the Hard Way",
     {.arch = "resnet18_14+resnet18_14",
      .preset = "lvs",
      .frame = FRAME(224, CROP, BICUBIC, IMAGENET),
      .sound = SOUND("lvs", 0, 10, TILE, MIX),
      .head = NO_HEAD,
      .score = AVL_SCORE_COSINE,
      .temperature = 0.07}},
    {"Mo and Morgado 2022, Localizing Visual Sounds the Easy Way",
     {.arch = "resnet18+resnet18",
      .preset = "ezvsl",
      .frame = FRAME(224, STRETCH, BICUBIC, IMAGENET),
      .sound = SOUND("ezvsl", 0, 3, TILE, MIX),
      .head = PROJECTIONS(1),
      .score = AVL_SCORE_COSINE,
      .temperature = 0.03}},
    {"Mo and Morgado 2022, A Closer Look at Weakly-Supervised Audio-Visual Source Localization",
     {.arch = "resnet18+resnet18",
      .preset = "slavc",
      .frame = FRAME(224, STRETCH, BICUBIC, IMAGENET),
      .sound = SOUND("ezvsl", 0, 3, TILE, MIX),
      .head = PROJECTIONS(2),
      .score = AVL_SCORE_COSINE,
      .temperature = 0.03}},
    {"Sun et al. 2023, Learning Audio-Visual Source Localization via False Negative Aware "
     "Contrastive Learning",
     {.arch = "resnet18+resnet18",
      .preset = "fnac",
      .frame = FRAME(224, STRETCH, BICUBIC, IMAGENET),
      .sound = SOUND("ezvsl", 0, 3, TILE, MIX),
      .head = PROJECTIONS(1),
      .score = AVL_SCORE_COSINE,
      .temperature = 0.03}},
    {"Senocak et al. 2023, Sound Source Localization is All about Cross-Modal Alignment",
     {.arch = "resnet18_14+resnet18_14",
      .preset = "sslalign",
      .frame = FRAME(224, STRETCH, BICUBIC, .arithmetic = AVL_ARITHMETIC_FLOATS, IMAGENET),
      .sound = SOUND("sslalign", 0, 10, TILE, FIRST),
      .head = NO_HEAD,
      .score = AVL_SCORE_COSINE,
      .temperature = 0.07}},
    {"Liu et al. 2022, Exploiting Transformation Invariance and Equivariance for Self-supervised "
     "Sound Localisation",
     {.arch = "resnet18_14+resnet18_14",
      .preset = "ssltie",
      .frame = FRAME(224, CROP, BICUBIC, IMAGENET),
      .sound = SOUND("ssltie", 0, 10, TILE, MIX),
      .head = NO_HEAD,
      .score = AVL_SCORE_COSINE,
      .temperature = 0.07}},
};

#define PRESETS ((int)(sizeof presets / sizeof presets[0]))

const struct avl_preset *avl_preset_at(int i)
{
	return i >= 0 && i < PRESETS ? &presets[i] : NULL;
}

const struct avl_preset *avl_preset_find(const char *name)
{
	for (int i = 0; i < PRESETS; i++)
		if (!strcmp(presets[i].contract.preset, name))
			return &presets[i];
	return NULL;
}

/* The preset whose input a network's new models take. */
static const struct {
	const struct avl_network *net;
	const char *preset;
} known[] = {
    {&avl_net_efficientnet_lite0, "default"},
    {&avl_net_vgg16, "senocak"},
    {&avl_net_resnet18, "ezvsl"},
    {&avl_net_resnet18_14, "ezvsl"},
    {&avl_net_yamnet, "default"},
    {&avl_net_soundnet, "senocak"},
    {&avl_net_sound_resnet18, "ezvsl"},
    {&avl_net_sound_resnet18_mean, "ezvsl"},
    {&avl_net_sound_resnet18_14, "ezvsl"},
};

static const struct avl_contract *known_with(const struct avl_network *net)
{
	size_t i = 0;
	while (known[i].net != net)
		i++;
	return &avl_preset_find(known[i].preset)->contract;
}

int avl_preset_contract(struct avl_contract *contract, const char *name, struct avl_err *err)
{
	const struct avl_network *image, *sound;
	const struct avl_preset *const preset = avl_preset_find(name);
	if (preset) {
		*contract = preset->contract;
		return 0;
	}
	if (avl_networks_parse(name, &image, &sound, NULL) || strlen(name) >= sizeof contract->arch)
		return avl_fail(err, AVL_EUSAGE, "'%s' is neither a preset nor an architecture",
				name);
	*contract = (struct avl_contract){
	    .frame = known_with(image)->frame,
	    .sound = known_with(sound)->sound,
	    .head = TWO_LAYERS,
	    .score = AVL_SCORE_COSINE,
	    .temperature = 1,
	};
	/* Published pipelines take the rate as it comes; a new model should not depend on it. */
	if (!contract->sound.rate_hz)
		contract->sound.rate_hz = sound == &avl_net_soundnet ? 22050 : 16000;
	contract->sound.channel = AVL_CHANNEL_MIX;
	strcpy(contract->arch, name);
	return 0;
}
