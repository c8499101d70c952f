/* SPDX-License-Identifier: MIT */
#ifndef AVL_IO_SAFETENSORS_H
#define AVL_IO_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/par.h"
#include "base/tensor.h"
#include "io/json.h"

/* Model files: the safetensors layout (8-byte little-endian header length, JSON header, data
 * block), mapped read-only, with a digest of the data block in __metadata__ ("avl.digest":
 * "crc32:%08x" over the whole data block); avl-model(5) is the format's page.
 *
 * Bounds checked before use: header at most 16 MiB, offsets inside the file, in order, without
 * overlap or holes, sizes that match type and shape. Types F64 F32 F16 BF16 I64 I32 I16 U8. */
struct avl_safetensors;

struct avl_safetensor {
	const char *name;
	struct avl_tensor tensor; /* data points into the mapping: read only */
};

/* Maps PATH. A file without a digest is accepted (models of others), one with a wrong digest is
 * AVL_EFORMAT. */
int avl_safetensors_open(struct avl_safetensors **file, const char *path, struct avl_err *err);
/* The same by the threads of PAR, which may be NULL. */
int avl_safetensors_open_with(struct avl_safetensors **file, const char *path, struct avl_par *par,
			      struct avl_err *err);
void avl_safetensors_close(struct avl_safetensors *file); /* NULL is allowed */

/* For those who read much of the data but once and can sum it up meanwhile: the digest is left to
 * avl_safetensors_verify, before which nothing may be made public that came of the data. */
int avl_safetensors_open_unverified(struct avl_safetensors **file, const char *path,
				    struct avl_err *err);
/* CRC32: of TENSOR's data, which avl_safetensors_verify then does not read again. */
void avl_safetensors_summed(struct avl_safetensors *file, const struct avl_safetensor *tensor,
			    uint32_t crc32);
int avl_safetensors_verify(struct avl_safetensors *file, struct avl_par *par, struct avl_err *err);

int avl_safetensors_count(const struct avl_safetensors *file);
/* In the order of the data block. */
const struct avl_safetensor *avl_safetensors_at(const struct avl_safetensors *file, int i);
const struct avl_safetensor *avl_safetensors_find(const struct avl_safetensors *file,
						  const char *name); /* or NULL */
/* A __metadata__ entry, or NULL. */
const char *avl_safetensors_meta(const struct avl_safetensors *file, const char *name);
/* The whole __metadata__ object (strings only), or NULL. */
const struct avl_json *avl_safetensors_metadata(const struct avl_safetensors *file);
/* 1 where a digest was there and has been verified. */
int avl_safetensors_verified(const struct avl_safetensors *file);

/* Writes N tensors (in the order given, which becomes the order of the data block) and METADATA
 * (an object of strings, may be NULL; "avl.digest" is set by this function) to FD.
 * Each tensor's data starts at a multiple of 64 bytes of the file where sizes allow: the header
 * is padded with blanks to a multiple of 64. Deterministic. */
int avl_safetensors_write(int fd, const struct avl_safetensor *tensor, int n,
			  const struct avl_json *metadata, struct avl_err *err);

#endif
