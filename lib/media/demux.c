/* SPDX-License-Identifier: MIT */
#include "media/demux.h"

#include <errno.h>
#include <libavutil/opt.h>
#include <string.h>

#include "media/media.h"

/* What may be opened. Demuxers that open other files (concat, hls, dash, image2 patterns, sdp,
 * playlists) are left out, and so are scripts and decoders that few files need. */
static const char formats[] =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,wav,w64,mp3,flac,aac,aiff,"
    "au,caf,gif,asf,ivf,h264,hevc,m4v,mpegvideo,ac3,eac3,amr,nut,"
    "jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif_pipe";
static const char codecs[] =
    "h264,hevc,vp8,vp9,libdav1d,av1,mpeg4,msmpeg4v2,msmpeg4,h263,flv,mpeg1video,mpeg2video,"
    "mpegvideo,mjpeg,theora,prores,dnxhd,ffv1,huffyuv,rawvideo,png,webp,gif,bmp,tiff,vc1,wmv1,"
    "wmv2,wmv3,dvvideo,"
    "aac,aac_latm,mp1float,mp2float,mp3float,mp1,mp2,mp3,opus,vorbis,flac,alac,ac3,eac3,wmav1,"
    "wmav2,amrnb,amrwb,adpcm_ima_wav,adpcm_ms,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,"
    "pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,pcm_alaw,pcm_mulaw";

enum { BUFFER_BYTES = 1 << 16, STREAMS_MAX = 64 };

struct reader {
	const struct avl_source *source;
	int64_t position;
};

static int reader_read(void *opaque, uint8_t *bytes, int n)
{
	struct reader *const reader = opaque;
	const int64_t got = avl_source_read(reader->source, reader->position, bytes, (size_t)n);
	if (got < 0)
		return AVERROR(errno);
	reader->position += got;
	return got ? (int)got : AVERROR_EOF;
}

static int64_t reader_seek(void *opaque, int64_t offset, int whence)
{
	struct reader *const reader = opaque;
	if (whence & AVSEEK_SIZE)
		return reader->source->size;
	whence &= ~AVSEEK_FORCE;
	if (whence == SEEK_CUR)
		offset += reader->position;
	else if (whence == SEEK_END)
		offset += reader->source->size;
	else if (whence != SEEK_SET)
		return AVERROR(EINVAL);
	if (offset < 0)
		return AVERROR(EINVAL);
	reader->position = offset;
	return offset;
}

static int refuse_open(struct AVFormatContext *format, AVIOContext **io, const char *url, int flags,
		       AVDictionary **options)
{
	(void)format, (void)url, (void)flags, (void)options;
	*io = NULL;
	return AVERROR(EPERM);
}

/* Messages reach the user as the text of a struct avl_err alone. */
static void say_nothing(void *context, int level, const char *text, va_list args)
{
	(void)context, (void)level, (void)text, (void)args;
}

int avl_fail_av(struct avl_err *err, int averror, const char *what)
{
	char text[AV_ERROR_MAX_STRING_SIZE];
	if (averror == AVERROR(ENOMEM))
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	/* what adds nothing to the cause; EINVAL is the answer of the whitelists */
	if (averror == AVERROR_INVALIDDATA || averror == AVERROR(EINVAL) || averror == AVERROR_EOF)
		return avl_fail(err, AVL_EFORMAT, "%s", what);
	av_strerror(averror, text, sizeof text);
	return avl_fail(err, AVL_EFORMAT, "%s: %s", what, text);
}

static AVFormatContext *format_new(const struct avl_source *source)
{
	AVFormatContext *format = avformat_alloc_context();
	struct reader *reader = av_malloc(sizeof *reader);
	uint8_t *buffer = av_malloc(BUFFER_BYTES);
	if (!format || !reader || !buffer)
		goto fail;
	*reader = (struct reader){source, 0};
	format->pb =
	    avio_alloc_context(buffer, BUFFER_BYTES, 0, reader, reader_read, NULL, reader_seek);
	if (!format->pb)
		goto fail;
	format->flags |= AVFMT_FLAG_CUSTOM_IO;
	format->io_open = refuse_open;
	format->max_streams = STREAMS_MAX;
	return format;
fail:
	av_free(buffer);
	av_free(reader);
	avformat_free_context(format);
	return NULL;
}

static void io_free(AVIOContext *io)
{
	if (!io)
		return;
	av_free(io->opaque);
	av_freep(&io->buffer);
	avio_context_free(&io);
}

static int open_input(AVFormatContext **format, struct avl_err *err)
{
	AVDictionary *options = NULL;
	AVIOContext *const io = (*format)->pb;
	av_dict_set(&options, "format_whitelist", formats, 0);
	av_dict_set(&options, "codec_whitelist", codecs, 0);
	av_dict_set(&options, "protocol_whitelist", "file,pipe", 0);
	av_dict_set(&options, "enable_drefs", "0", 0);
	av_dict_set(&options, "use_absolute_path", "0", 0);
	/* "" and not the file's name: what a file is depends on its bytes alone */
	const int rc = avformat_open_input(format, "", NULL, &options);
	av_dict_free(&options);
	if (rc < 0) {
		io_free(io);
		return avl_fail_av(err, rc, "is no media file of a known kind, or damaged");
	}
	return 0;
}

/* Probing decodes a few frames: the bound on their size holds there too. What they look like does
 * not matter. */
static int probe_streams(AVFormatContext *format, struct avl_err *err)
{
	const unsigned n = format->nb_streams;
	AVDictionary **options = av_calloc(n ? n : 1, sizeof(AVDictionary *));
	if (!options)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	for (unsigned i = 0; i < n; i++) {
		av_dict_set_int(&options[i], "max_pixels", AVL_PICTURE_PIXELS_MAX, 0);
		av_dict_set(&options[i], "skip_loop_filter", "all", 0);
		av_dict_set(&options[i], "skip_idct", "all", 0);
	}
	const int rc = avformat_find_stream_info(format, options);
	for (unsigned i = 0; i < n; i++)
		av_dict_free(&options[i]);
	av_free(options);
	return rc < 0 ? avl_fail_av(err, rc, "its streams cannot be told apart") : 0;
}

static bool is_image(const AVFormatContext *format)
{
	const char *const name = format->iformat->name;
	const size_t n = strlen(name);
	return n > 5 && !strcmp(name + n - 5, "_pipe");
}

/* The number of the best stream of KIND in FORMAT. */
static int choose_stream(const struct avl_demux *demux, enum AVMediaType kind, struct avl_err *err)
{
	AVFormatContext *const format = demux->format;
	const int best = av_find_best_stream(format, kind, -1, -1, NULL, 0);
	const char *const name = kind == AVMEDIA_TYPE_VIDEO ? "picture" : "sound";
	if (best == AVERROR_DECODER_NOT_FOUND)
		return avl_fail(err, AVL_EFORMAT, "no decoder for its %s", name);
	if (best < 0 || format->streams[best]->disposition & AV_DISPOSITION_ATTACHED_PIC)
		return avl_fail(err, AVL_ENONE, "has no %s", name);
	return best;
}

static void use_stream(struct avl_demux *demux, int number)
{
	for (unsigned i = 0; i < demux->format->nb_streams; i++)
		if ((int)i != number)
			demux->format->streams[i]->discard = AVDISCARD_ALL;
	demux->stream = demux->format->streams[number];
}

static int open_format(struct avl_demux *demux, const struct avl_source *source,
		       struct avl_err *err)
{
	av_log_set_callback(say_nothing);
	*demux = (struct avl_demux){.format = format_new(source), .packet = av_packet_alloc()};
	if (!demux->format || !demux->packet)
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	const int rc = open_input(&demux->format, err);
	if (rc)
		return rc;
	demux->still = is_image(demux->format);
	return 0;
}

int avl_demux_open(struct avl_demux *demux, const struct avl_source *source, enum AVMediaType kind,
		   struct avl_err *err)
{
	int number = 0, rc = open_format(demux, source, err);
	if (rc || (rc = probe_streams(demux->format, err)) ||
	    (rc = number = choose_stream(demux, kind, err)) < 0) {
		avl_demux_close(demux);
		return rc;
	}
	use_stream(demux, number);
	return 0;
}

/* Fails where the two do not list the same streams. */
static bool learn_streams(struct avl_demux *demux, const struct avl_demux *other)
{
	const AVFormatContext *const from = other->format;
	AVFormatContext *const to = demux->format;
	if (to->ctx_flags & AVFMTCTX_NOHEADER || to->nb_streams != from->nb_streams)
		return false;
	for (unsigned i = 0; i < to->nb_streams; i++) {
		AVStream *const stream = to->streams[i];
		const AVStream *const known = from->streams[i];
		if (stream->codecpar->codec_id != known->codecpar->codec_id ||
		    av_cmp_q(stream->time_base, known->time_base) ||
		    avcodec_parameters_copy(stream->codecpar, known->codecpar) < 0)
			return false;
		stream->avg_frame_rate = known->avg_frame_rate;
		stream->start_time = known->start_time;
	}
	return true;
}

int avl_demux_open_like(struct avl_demux *demux, const struct avl_demux *other,
			const struct avl_source *source, enum AVMediaType kind, struct avl_err *err)
{
	const int number = choose_stream(other, kind, err);
	if (number < 0) {
		*demux = (struct avl_demux){0};
		return number;
	}
	const int rc = open_format(demux, source, err);
	if (rc) {
		avl_demux_close(demux);
		return rc;
	}
	if (learn_streams(demux, other)) {
		use_stream(demux, number);
		return 0;
	}
	avl_demux_close(demux);
	return avl_demux_open(demux, source, kind, err);
}

void avl_demux_close(struct avl_demux *demux)
{
	av_packet_free(&demux->packet);
	if (demux->format) {
		AVIOContext *const io = demux->format->pb;
		avformat_close_input(&demux->format);
		io_free(io);
	}
	demux->stream = NULL;
}

int avl_demux_read(struct avl_demux *demux, struct avl_err *err)
{
	for (;;) {
		av_packet_unref(demux->packet);
		const int rc = av_read_frame(demux->format, demux->packet);
		if (rc == AVERROR(EAGAIN))
			continue;
		if (rc == AVERROR_EOF) {
			const int error = demux->format->pb->error;
			if (error < 0 && error != AVERROR_EOF)
				return avl_fail_av(err, error, "cannot be read");
			return 0;
		}
		if (rc < 0)
			return avl_fail_av(err, rc, "is damaged or cut off");
		if (demux->packet->stream_index != demux->stream->index)
			continue;
		if (demux->packet->flags & AV_PKT_FLAG_CORRUPT)
			return avl_fail(err, AVL_EFORMAT, "is damaged or cut off");
		return 1;
	}
}

bool avl_demux_indexed(const struct avl_demux *demux)
{
	const char *const container = demux->format->iformat->name;
	return !strncmp(container, "mov,", 4) || !strncmp(container, "matroska,", 9);
}

bool avl_demux_seek(struct avl_demux *demux, int64_t pts)
{
	return av_seek_frame(demux->format, demux->stream->index, pts, AVSEEK_FLAG_BACKWARD) >= 0;
}

/* Of damaged data, the threads of FFmpeg 5.1 may make something else than one thread does. With
 * MPEG-4 in frame threads it aborts; of H.264, frame threads may hand a picture out before they
 * note that it was concealed, and slice threads conceal nothing; of HEVC, both give other pictures.
 */
static int thread_types(enum AVCodecID id)
{
	switch (id) {
	case AV_CODEC_ID_H264:
	case AV_CODEC_ID_HEVC:
		return 0;
	case AV_CODEC_ID_VP9:
		return FF_THREAD_FRAME | FF_THREAD_SLICE;
	default:
		return FF_THREAD_SLICE;
	}
}

int avl_demux_decoder(const struct avl_demux *demux, int threads, AVCodecContext **decoder,
		      struct avl_err *err)
{
	const AVCodecParameters *const parameters = demux->stream->codecpar;
	const AVCodec *const codec = avcodec_find_decoder(parameters->codec_id);
	if (!codec)
		return avl_fail(err, AVL_EFORMAT, "no decoder for '%s'",
				avcodec_get_name(parameters->codec_id));
	AVCodecContext *const context = avcodec_alloc_context3(codec);
	*decoder = context;
	if (!context || avcodec_parameters_to_context(context, parameters) < 0) {
		avcodec_free_context(decoder);
		return avl_fail(err, AVL_ENOMEM, "out of memory");
	}
	context->pkt_timebase = demux->stream->time_base;
	context->max_pixels = AVL_PICTURE_PIXELS_MAX;
	context->thread_type = thread_types(parameters->codec_id);
	context->thread_count = context->thread_type ? threads : 1;
	context->err_recognition |= AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
	AVDictionary *options = NULL;
	av_dict_set(&options, "codec_whitelist", codecs, 0);
	const int rc = avcodec_open2(context, codec, &options);
	av_dict_free(&options);
	if (rc < 0) {
		avcodec_free_context(decoder);
		return avl_fail(err, AVL_EFORMAT, "cannot decode '%s'",
				avcodec_get_name(parameters->codec_id));
	}
	return 0;
}

/* FFmpeg's WebP decoder passes over the pictures of an animation, and then has none. */
static const char *damage(const AVCodecContext *decoder)
{
	if (decoder->codec_id == AV_CODEC_ID_WEBP)
		return "its picture data is damaged, or is an animation";
	return decoder->codec_type == AVMEDIA_TYPE_VIDEO ? "its picture data is damaged"
							 : "its sound data is damaged";
}

int avl_decoder_receive(AVCodecContext *decoder, AVFrame *frame, struct avl_err *err)
{
	const int rc = avcodec_receive_frame(decoder, frame);
	if (rc == AVERROR_EOF)
		return 0;
	if (rc == AVERROR(EAGAIN))
		return AVL_DECODER_HUNGRY;
	const char *const what = damage(decoder);
	if (rc < 0)
		return avl_fail_av(err, rc, what);
	if (frame->flags & AV_FRAME_FLAG_CORRUPT || frame->decode_error_flags)
		return avl_fail(err, AVL_EFORMAT, "%s", what);
	return 1;
}

int avl_decoder_send(AVCodecContext *decoder, const AVPacket *packet, struct avl_err *err)
{
	const int rc = avcodec_send_packet(decoder, packet);
	if (rc >= 0 || rc == AVERROR_EOF)
		return 0;
	return avl_fail_av(err, rc, damage(decoder));
}
