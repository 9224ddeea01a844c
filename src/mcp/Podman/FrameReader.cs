using System.Buffers.Binary;

namespace Mcp.Podman;

/// <summary>A piece of output.</summary>
/// <param name="IsError">From stderr.</param>
/// <param name="Bytes">Valid until the next read.</param>
/// <param name="IsLast">Whether the frame ends with it; large frames come in several pieces.</param>
internal readonly record struct Frame(bool IsError, ReadOnlyMemory<byte> Bytes, bool IsLast);

/// <summary>
/// The framing of logs and exec: stream number (1 out, 2 err), three zero bytes, length as 32 bits big-endian, content. Frames are handed on in
/// pieces, so a frame that claims 4 GiB costs no memory.
/// </summary>
internal sealed class FrameReader(PodmanStream stream, PodmanClient podman)
{
    private readonly byte[] _chunk = new byte[16 * 1024];
    private int _at;
    private int _filled;
    private uint _left;
    private bool _isError;

    /// <summary>The next piece; null at the end.</summary>
    /// <exception cref="PodmanException">The stream broke, ended within a frame, or is not framed.</exception>
    public async ValueTask<Frame?> NextAsync(CancellationToken ct)
    {
        while (_left == 0)
        {
            if (!await FillAsync(8, ct))
                return null;
            var header = _chunk.AsSpan(_at, 8);
            if (header[0] > 3 || header[1] != 0 || header[2] != 0 || header[3] != 0)
                throw new PodmanException(PodmanFailure.Malformed, stream.What, "the output is not framed");
            _isError = header[0] == 2;
            _left = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
            _at += 8;
        }
        await FillAsync(1, ct);
        var length = (int)Math.Min(_left, (uint)(_filled - _at));
        var piece = _chunk.AsMemory(_at, length);
        _at += length;
        _left -= (uint)length;
        return new Frame(_isError, piece, _left == 0);
    }

    /// <summary>At least so many bytes in the buffer; false when the stream ended before the first of them.</summary>
    private async ValueTask<bool> FillAsync(int count, CancellationToken ct)
    {
        if (_filled - _at >= count)
            return true;
        _chunk.AsSpan(_at, _filled - _at).CopyTo(_chunk);
        _filled -= _at;
        _at = 0;
        while (_filled < count)
        {
            var read = await podman.WhileProbingAsync(token => stream.ReadAsync(_chunk.AsMemory(_filled), token).AsTask(), ct);
            if (read == 0)
            {
                return _filled == 0 && _left == 0
                    ? false
                    : throw new PodmanException(PodmanFailure.Unreachable, stream.What, "the output was cut in the middle");
            }
            _filled += read;
        }
        return true;
    }
}
