/* SPDX-License-Identifier: MIT */
#include "io/contract.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char whole[] =
    "{\"arch\":\"efficientnet_lite0+yamnet\",\"preset\":\"default\",\"frame\":{\"height\":448,"
    "\"width\":320,\"fit\":\"crop\",\"kernel\":\"bicubic\",\"mean\":[127,126,125],"
    "\"std\":[128,64,32]},\"sound\":{\"front_end\":\"yamnet\",\"rate_hz\":16000,\"window_s\":5,"
    "\"anchor\":\"centre\",\"fill\":\"zero\"},\"head\":{\"activation\":\"sigmoid\","
    "\"floor\":0.05,\"pool\":\"max\"},\"score\":\"class\"}";

Test(contract, reads_every_field)
{
	struct avl_contract c;
	struct avl_err err;
	cr_assert_eq(avl_contract_parse(&c, whole, strlen(whole), &err), 0, "%s", err.text);
	cr_assert_str_eq(c.arch, "efficientnet_lite0+yamnet");
	cr_assert_str_eq(c.preset, "default");
	cr_assert(c.frame.height == 448 && c.frame.width == 320);
	cr_assert(c.frame.fit == AVL_FIT_CROP && c.frame.kernel == AVL_KERNEL_BICUBIC);
	cr_assert(c.frame.mean[0] == 127 && c.frame.mean[1] == 126 && c.frame.mean[2] == 125);
	cr_assert(c.frame.std[0] == 128 && c.frame.std[1] == 64 && c.frame.std[2] == 32);
	cr_assert_str_eq(c.sound.front_end, "yamnet");
	cr_assert(c.sound.rate_hz == 16000 && c.sound.window_s == 5);
	cr_assert(c.sound.anchor == AVL_ANCHOR_CENTRE && c.sound.fill == AVL_FILL_ZERO);
	cr_assert(c.head.activation == AVL_ACTIVATION_SIGMOID && c.head.pool == AVL_POOL_MAX);
	cr_assert_float_eq(c.head.floor, 0.05, 1e-12);
	cr_assert_eq(c.score, AVL_SCORE_CLASS);
}

/* Replaces FROM by TO in the whole text and parses that. */
static int parse_with(const char *from, const char *to, struct avl_contract *c, struct avl_err *err)
{
	char text[2 * sizeof whole];
	const char *at = strstr(whole, from);
	cr_assert_not_null(at, "%s", from);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
	return avl_contract_parse(c, text, strlen(text), err);
}

Test(contract, has_defaults_for_what_many_models_lack)
{
	struct avl_contract c;
	struct avl_err err;
	cr_assert_eq(parse_with(",\"head\":{\"activation\":\"sigmoid\",\"floor\":0.05,"
				"\"pool\":\"max\"},\"score\":\"class\"",
				"", &c, &err),
		     0, "%s", err.text);
	cr_assert(c.head.activation == AVL_ACTIVATION_NONE && c.head.pool == AVL_POOL_MEAN);
	cr_assert(c.head.floor == 0 && c.head.layers == 2 && c.score == AVL_SCORE_DOT);
}

Test(contract, says_where_there_are_three_layers)
{
	struct avl_contract c, again;
	struct avl_err err;
	cr_assert_eq(parse_with("\"floor\"", "\"layers\":3,\"floor\"", &c, &err), 0, "%s",
		     err.text);
	cr_assert_eq(c.head.layers, 3);
	char *const text = avl_contract_write(&c);
	cr_assert_not_null(text);
	cr_assert_eq(avl_contract_parse(&again, text, strlen(text), &err), 0, "%s", err.text);
	cr_expect_eq(again.head.layers, 3);
	free(text);
	cr_assert_eq(parse_with("\"floor\"", "\"kind\":\"linear\",\"floor\"", &c, &err), 0);
	cr_expect_eq(c.head.layers, 0);
}

Test(contract, refuses_what_is_missing_unknown_or_out_of_range)
{
	static const struct {
		const char *from, *to, *names;
	} rows[] = {
	    {"\"arch\":\"efficientnet_lite0+yamnet\",", "", "arch"},
	    {"\"height\":448", "\"height\":0", "height"},
	    {"\"height\":448", "\"height\":4.5", "height"},
	    {"\"height\":448", "\"height\":\"448\"", "height"},
	    {"\"width\":320", "\"width\":1e9", "width"},
	    {"\"crop\"", "\"squash\"", "squash"},
	    {"\"bicubic\"", "3", "kernel"},
	    {"[127,126,125]", "[127,126]", "mean"},
	    {"[128,64,32]", "[128,0,32]", "std"},
	    {"16000", "-1", "rate_hz"},
	    {"16000", "999", "rate_hz"},
	    {"\"window_s\":5", "\"window_s\":-5", "window_s"},
	    {"\"window_s\":5,", "", "window_s"},
	    {"\"centre\"", "\"end\"", "anchor"},
	    {"\"zero\"", "\"noise\"", "fill"},
	    {"\"sigmoid\"", "\"gelu\"", "activation"},
	    {"0.05", "-1", "floor"},
	    {"\"floor\"", "\"layers\":4,\"floor\"", "layers"},
	    {"\"max\"", "\"min\"", "pool"},
	    {"\"class\"", "\"sum\"", "score"},
	    {"\"frame\":{", "\"frame\":{{", "contract"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct avl_contract c;
		struct avl_err err;
		cr_expect_eq(parse_with(rows[i].from, rows[i].to, &c, &err), AVL_EFORMAT, "%s",
			     rows[i].to);
		cr_expect_not_null(strstr(err.text, rows[i].names), "%s: %s", rows[i].to, err.text);
	}
}

Test(contract, model_path_follows_the_environment)
{
	setenv("AVL_MODEL", "/nowhere/model.safetensors", 1);
	char *path = avl_model_path();
	cr_assert_str_eq(path, "/nowhere/model.safetensors");
	free(path);
	setenv("AVL_MODEL", "", 1);
	path = avl_model_path();
	cr_assert_not_null(strstr(path, "default.safetensors"));
	free(path);
}
