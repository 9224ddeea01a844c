using ZstdSharp.Unsafe;
using static ZstdSharp.Unsafe.Methods;

namespace Mcp.Archive;

/// <summary>
/// Decompresses zstd as hostile input. Each frame is looked at before the decoder sees it (RFC 8878, 3.1.1.1): it must carry a checksum, need
/// no dictionary, and ask for a window of at most 8 MiB; a skippable frame, which could hide anything, is refused. How much comes out is
/// limited by whoever reads: a stream that goes through here needs no more memory than its window.
/// The library's own streams go from frame to frame by themselves; so its decoder is called frame by frame here.
/// </summary>
internal sealed unsafe class ZstdInput : OneWayStream
{
    /// <summary>A frame's header has 18 bytes at most (RFC 8878, 3.1.1.1).</summary>
    private const int LongestHeader = 18;

    private readonly Stream _source;
    private readonly ZSTD_DCtx_s* _decoder = ZSTD_createDCtx();
    private readonly byte[] _input = new byte[128 * 1024];
    private int _start;
    private int _end;
    private bool _inFrame;
    private bool _any;
    private bool _disposed;

    /// <summary>Reads from <paramref name="source"/>, which stays open.</summary>
    public ZstdInput(Stream source)
    {
        _source = source;
        ZSTD_DCtx_setParameter(_decoder, ZSTD_dParameter.ZSTD_d_windowLogMax, ArchiveLimits.WindowLog);
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    /// <exception cref="ArchiveException">Not zstd, damaged, cut, or of a kind that is not taken.</exception>
    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        while (buffer.Length > 0)
        {
            if (!_inFrame && !BeginFrame())
                return 0;
            var written = Decode(buffer);
            if (written > 0)
                return written;
            if (_inFrame && _start == _end && !Refill(1))
                throw new ArchiveException("ends within its compressed stream: it was cut");
        }
        return 0;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
            ZSTD_freeDCtx(_decoder);
        _disposed = true;
        base.Dispose(disposing);
    }

    private int Decode(Span<byte> buffer)
    {
        fixed (byte* from = _input, to = buffer)
        {
            var input = new ZSTD_inBuffer_s { src = from + _start, size = (nuint)(_end - _start) };
            var output = new ZSTD_outBuffer_s { dst = to, size = (nuint)buffer.Length };
            var left = ZSTD_decompressStream(_decoder, &output, &input);
            if (ZSTD_isError(left))
                throw new ArchiveException($"has a damaged compressed stream ({ZSTD_getErrorName(left)})");
            _start += (int)input.pos;
            // 0: this frame is decoded and its checksum was right.
            _inFrame = left != 0;
            return (int)output.pos;
        }
    }

    // False at the end of the source, where a frame may end but not begin.
    private bool BeginFrame()
    {
        Refill(LongestHeader);
        if (_start == _end)
            return _any ? false : throw new ArchiveException("is empty");
        ZSTD_frameHeader header;
        nuint wanted;
        fixed (byte* from = _input)
            wanted = ZSTD_getFrameHeader(&header, from + _start, (nuint)(_end - _start));
        // Even the shortest archive is longer than a header: what does not suffice for one is cut, or none.
        if (wanted != 0)
            throw new ArchiveException(_any ? "has something after its compressed stream" : "is no zstd stream");
        Check(header);
        return _inFrame = _any = true;
    }

    private static void Check(in ZSTD_frameHeader header)
    {
        if (header.frameType == ZSTD_frameType_e.ZSTD_skippableFrame)
            throw new ArchiveException("has a skippable frame in its compressed stream, which could hide anything");
        if (header.checksumFlag == 0)
            throw new ArchiveException("has a compressed stream without a checksum");
        if (header.dictID != 0)
            throw new ArchiveException("has a compressed stream that needs a dictionary");
        if (header.windowSize > 1UL << ArchiveLimits.WindowLog)
        {
            throw new ArchiveException(
                $"has a compressed stream with a window of {header.windowSize >> 20} MiB; at most {1 << (ArchiveLimits.WindowLog - 20)} MiB are taken (zstd without --long or --ultra)");
        }
    }

    // Moves what is left to the front and reads until there are at least so many bytes; false: the source has no more.
    private bool Refill(int atLeast)
    {
        if (_end - _start >= atLeast)
            return true;
        _input.AsSpan(_start, _end - _start).CopyTo(_input);
        (_start, _end) = (0, _end - _start);
        while (_end < atLeast)
        {
            var read = _source.Read(_input, _end, _input.Length - _end);
            if (read == 0)
                return false;
            _end += read;
        }
        return true;
    }
}
