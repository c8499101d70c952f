/* SPDX-License-Identifier: MIT */
#ifndef AVL_IMAGE_Y4M_H
#define AVL_IMAGE_Y4M_H

#include <stddef.h>
#include <stdint.h>

#include "image/picture.h"

/* YUV4MPEG2, the uncompressed video that ffmpeg, mpv and x264 read from a pipe. Colours by ITU-R
 * BT.601 with limited range (luma 16..235), which is what readers assume; half-size chroma lies in
 * the middle of its four pixels ("420jpeg"). */
enum avl_chroma { AVL_CHROMA_420, AVL_CHROMA_444 };

/* Frames per second as a fraction. */
struct avl_frame_rate {
	unsigned number, divisor;
};

/* The rate that is meant by FPS, 0.001 to 1000: a whole one, one of whole seconds a frame, or a
 * whole one times 1000/1001, to within a 10000th; else thousandths. */
struct avl_frame_rate avl_frame_rate(double fps);

/* Writes the line before all frames, at most 127 bytes, into TEXT and returns its length. */
size_t avl_y4m_header(char text[128], int height, int width, struct avl_frame_rate rate,
		      enum avl_chroma chroma);

/* Bytes of a frame with its own header. */
size_t avl_y4m_size(int height, int width, enum avl_chroma chroma);

/* Writes PICTURE as a frame of that size to OUT. Pixels of odd sides that lack a partner make
 * their chroma alone. */
void avl_y4m_frame(const struct avl_picture *picture, enum avl_chroma chroma, uint8_t *out);

#endif
