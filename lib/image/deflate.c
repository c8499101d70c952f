/* SPDX-License-Identifier: MIT */
#include "image/deflate.h"

#include <string.h>

enum {
	PIXEL = 3, /* bytes, and the distance of all matches */
	STEP = 4,  /* literals that are written at once */
	RUN_MIN = 8,
	RUN_MAX = 258,
	END = 256, /* symbols: bytes, the end of the block, lengths */
	SYMBOLS = 286,
	LENGTHS = 19,  /* symbols of the code that code lengths are written in */
	CODE_MAX = 12, /* bits: STEP codes fit into the writer's register */
	LENGTH_CODE_MAX = 7,
	DEPTHS = 64, /* of a tree of fewer than 2^32 leaves */
	HEADER_BYTES = 400,
};

/* Symbol and extra bits of the lengths of matches: RFC 1951, 3.2.5. */
static int length_symbol(int length, int *extra, int *value)
{
	int group = 0, first = 3; /* of GROUP: four symbols of 1 << extra lengths each */
	*extra = *value = 0;
	if (length == RUN_MAX)
		return 285;
	if (length < 11)
		return 257 + length - 3;
	for (first = 11; length >= first + (4 << (group + 1)); group++)
		first += 4 << (group + 1);
	*extra = group + 1;
	*value = (length - first) & ((1 << *extra) - 1);
	return 265 + 4 * group + ((length - first) >> *extra);
}

/* --- codes --- */

struct code {
	uint16_t bits[SYMBOLS]; /* the first bit lowest, as it is written */
	uint8_t length[SYMBOLS];
};

/* Puts the N symbols that occur into ascending order of their counts. Returns how many. */
static int sort_symbols(const uint32_t *count, int n, uint16_t *order)
{
	int used = 0;
	for (int s = 0; s < n; s++) {
		if (!count[s])
			continue;
		int i = used++;
		for (; i > 0 && count[order[i - 1]] > count[s]; i--)
			order[i] = order[i - 1];
		order[i] = (uint16_t)s;
	}
	return used;
}

/* Depths of the leaves of Huffman's tree. Leaves, sorted, and the nodes made of them are two queues
 * whose heads are the lightest. */
static void tree_depths(const uint32_t *count, const uint16_t *order, int used, uint8_t *depth)
{
	uint32_t weight[SYMBOLS];
	uint16_t parent[2 * SYMBOLS];
	uint8_t level[SYMBOLS];
	int leaf = 0, node = 0;
	for (int made = 0; made < used - 1; made++) {
		weight[made] = 0;
		for (int k = 0; k < 2; k++) {
			const int is_leaf =
			    leaf < used && (node == made || count[order[leaf]] <= weight[node]);
			weight[made] += is_leaf ? count[order[leaf]] : weight[node];
			if (is_leaf)
				parent[leaf++] = (uint16_t)made;
			else
				parent[SYMBOLS + node++] = (uint16_t)made;
		}
	}
	level[used - 2] = 0;
	for (int i = used - 3; i >= 0; i--)
		level[i] = (uint8_t)(level[parent[SYMBOLS + i]] + 1);
	for (int i = 0; i < used; i++)
		depth[i] = (uint8_t)(level[parent[i]] + 1);
}

/* Makes no code longer than MOST bits, where MANY[d] have d bits: those that are cut to MOST take
 * more than the whole, which is made up for, a smallest share at a time, by giving one of them a
 * place below a shorter code. */
static void limit_depths(int *many, int most)
{
	long over = -(1L << most);
	for (int d = most + 1; d < DEPTHS; d++) {
		many[most] += many[d];
		many[d] = 0;
	}
	for (int d = 1; d <= most; d++)
		over += (long)many[d] << (most - d);
	for (; over > 0; over--) {
		int d = most - 1;
		while (!many[d])
			d--;
		many[d]--;
		many[d + 1] += 2;
		many[most]--;
	}
}

static unsigned reversed(unsigned bits, int n)
{
	unsigned r = 0;
	for (int i = 0; i < n; i++)
		r |= (bits >> i & 1) << (n - 1 - i);
	return r;
}

/* A code for the symbols that COUNT says occur, by RFC 1951, 3.2.2. One symbol gets one bit. */
static void make_code(struct code *code, const uint32_t *count, int n, int most)
{
	uint16_t order[SYMBOLS];
	uint8_t depth[SYMBOLS];
	unsigned next[CODE_MAX + 2] = {0};
	int many[DEPTHS] = {0};
	const int used = sort_symbols(count, n, order);
	memset(code, 0, sizeof *code);
	if (used < 2) {
		if (used)
			code->length[order[0]] = 1;
		return;
	}
	tree_depths(count, order, used, depth);
	for (int i = 0; i < used; i++)
		many[depth[i]]++;
	limit_depths(many, most);
	for (int d = most, i = 0; d > 0; d--)
		for (int k = 0; k < many[d]; k++)
			code->length[order[i++]] = (uint8_t)d;
	for (int d = 1; d <= most; d++)
		next[d + 1] = (next[d] + (unsigned)many[d]) << 1;
	for (int s = 0; s < n; s++)
		if (code->length[s])
			code->bits[s] =
			    (uint16_t)reversed(next[code->length[s]]++, code->length[s]);
}

/* --- writing --- */

static void put(struct avl_deflate *out, uint64_t bits, int n)
{
	out->bits |= bits << out->count;
	out->count += n;
}

/* Up to 7 bits stay. */
static void flush(struct avl_deflate *out)
{
	for (; out->count >= 8; out->count -= 8, out->bits >>= 8)
		*out->at++ = (unsigned char)out->bits;
}

/* The lengths of a code in the code of lengths: symbol, and behind it extra bits. */
struct run {
	uint8_t symbol, extra, value;
};

/* Zeros in runs, everything else as it is. Returns the number of runs. */
static int runs_of(const uint8_t *length, int n, struct run *run)
{
	int runs = 0;
	for (int i = 0; i < n;) {
		int zeros = 0;
		while (i + zeros < n && zeros < 138 && !length[i + zeros])
			zeros++;
		if (zeros >= 11)
			run[runs++] = (struct run){18, 7, (uint8_t)(zeros - 11)};
		else if (zeros >= 3)
			run[runs++] = (struct run){17, 3, (uint8_t)(zeros - 3)};
		else
			run[runs++] = (struct run){length[zeros = i], 0, 0}, zeros = 1;
		i += zeros;
	}
	return runs;
}

/* The block's head: RFC 1951, 3.2.7. Of the distances there are three, of which the last is used:
 * distance 3. */
static void put_head(struct avl_deflate *out, const struct code *code, int last)
{
	static const uint8_t order[LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
					       11, 4,  12, 3, 13, 2, 14, 1, 15};
	uint8_t length[SYMBOLS + PIXEL];
	struct run run[SYMBOLS + PIXEL];
	uint32_t count[LENGTHS] = {0};
	struct code lengths;
	memcpy(length, code->length, SYMBOLS);
	memcpy(length + SYMBOLS, (uint8_t[PIXEL]){0, 0, 1}, PIXEL);
	const int runs = runs_of(length, SYMBOLS + PIXEL, run);
	for (int i = 0; i < runs; i++)
		count[run[i].symbol]++;
	make_code(&lengths, count, LENGTHS, LENGTH_CODE_MAX);
	put(out,
	    (uint64_t)last | 2 << 1 | (SYMBOLS - 257) << 3 | (PIXEL - 1) << 8 | (LENGTHS - 4) << 13,
	    17);
	flush(out);
	for (int i = 0; i < LENGTHS; i++) {
		put(out, lengths.length[order[i]], 3);
		flush(out);
	}
	for (int i = 0; i < runs; i++) {
		put(out, lengths.bits[run[i].symbol], lengths.length[run[i].symbol]);
		put(out, run[i].value, run[i].extra);
		flush(out);
	}
}

/* --- runs of pixels --- */

static uint64_t load8(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return word;
}

/* How many of the bytes at AT, at most LEFT, equal those a pixel before. */
static int run_length(const uint8_t *at, size_t left)
{
	const int most = left < RUN_MAX ? (int)left : RUN_MAX;
	int n = 0;
	while (n + 8 <= most && load8(at + n) == load8(at + n - PIXEL))
		n += 8;
	while (n < most && at[n] == at[n - PIXEL])
		n++;
	return n;
}

static int begins_run(const uint8_t *from, size_t i, size_t n)
{
	return i >= PIXEL && n - i >= RUN_MIN && load8(from + i) == load8(from + i - PIXEL);
}

/* Counts of all symbols. Four tables, as equal bytes that follow each other would wait for each
 * other's count. */
static void count_symbols(const uint8_t *from, size_t n, uint32_t *count)
{
	uint32_t part[STEP][256] = {{0}};
	int extra, value;
	memset(count, 0, SYMBOLS * sizeof *count);
	for (size_t i = 0; i < n;) {
		if (begins_run(from, i, n)) {
			const int length = run_length(from + i, n - i);
			count[length_symbol(length, &extra, &value)]++;
			i += (size_t)length;
			continue;
		}
		const size_t end = n - i < STEP ? n : i + STEP;
		for (int k = 0; i < end; k++)
			part[k][from[i++]]++;
	}
	for (int s = 0; s < 256; s++)
		for (int k = 0; k < STEP; k++)
			count[s] += part[k][s];
	count[END] = 1;
}

static void put_run(struct avl_deflate *out, const struct code *code, int length)
{
	int extra, value;
	const int symbol = length_symbol(length, &extra, &value);
	put(out, code->bits[symbol], code->length[symbol]);
	put(out, (unsigned)value, extra + 1); /* and the distance, whose one bit is 0 */
	flush(out);
}

/* Four codes and the 7 bits that may be left fit into 64; a store of 8 bytes may write behind what
 * counts, which the bound allows for. */
static void put_literals(struct avl_deflate *out, const struct code *code, const uint8_t *from)
{
	uint64_t bits = out->bits;
	int count = out->count;
	for (int k = 0; k < STEP; k++) {
		bits |= (uint64_t)code->bits[from[k]] << count;
		count += code->length[from[k]];
	}
	for (int k = 0; k < 8; k++)
		out->at[k] = (unsigned char)(bits >> 8 * k);
	out->at += count >> 3;
	out->bits = bits >> (count & ~7);
	out->count = count & 7;
}

static void put_symbols(struct avl_deflate *out, const struct code *code, const uint8_t *from,
			size_t n)
{
	for (size_t i = 0; i < n;) {
		if (begins_run(from, i, n)) {
			const int length = run_length(from + i, n - i);
			put_run(out, code, length);
			i += (size_t)length;
		} else if (n - i >= STEP) {
			put_literals(out, code, from + i);
			i += STEP;
		} else {
			put(out, code->bits[from[i]], code->length[from[i]]);
			flush(out);
			i++;
		}
	}
}

size_t avl_deflate_bound(size_t n)
{
	return n / 2 * 3 + HEADER_BYTES;
}

void avl_deflate_block(struct avl_deflate *out, const uint8_t *from, size_t n, int last)
{
	uint32_t count[SYMBOLS];
	struct code code;
	count_symbols(from, n, count);
	make_code(&code, count, SYMBOLS, CODE_MAX);
	put_head(out, &code, last);
	put_symbols(out, &code, from, n);
	put(out, code.bits[END], code.length[END]);
	flush(out);
	if (!last || !out->count)
		return;
	*out->at++ = (unsigned char)out->bits;
	out->bits = 0;
	out->count = 0;
}
