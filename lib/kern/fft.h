/* SPDX-License-Identifier: MIT */
#ifndef AVL_KERN_FFT_H
#define AVL_KERN_FFT_H

#include "base/err.h"

/* The tables of a Fourier transform of N real samples, N a power of two from 8 on, for the kernel
 * power: as a complex one of N / 2 by steps of four (and a last one of two), whose output stands in
 * the reverse order of its digits, and the step that parts what the packing joined. */
struct avl_fft {
	int n;
	double *step; /* exp(-2 pi i j k / length), k = 1..3: re, im of each; of all steps */
	double *part; /* exp(-2 pi i k / n), k = 0..n/4: re, im */
	int *place;   /* where output k of the complex transform stands */
};

/* Whether N is such a size. */
int avl_fft_fits(int n);

/* AVL_ENOMEM, or AVL_EUSAGE where N does not fit. */
int avl_fft_init(struct avl_fft *fft, int n, struct avl_err *err);
void avl_fft_release(struct avl_fft *fft);

#endif
