using System.Buffers.Binary;
using Google.Protobuf;
using Mcp.Confined.V1;

namespace Mcp.Confinement;

/// <summary>
/// Messages on one end of a pipe, in one direction: 4 bytes of length, little-endian, then the message. Either side may be hostile, so the length is judged first.
/// One buffer serves all messages, since a stream of data would otherwise leave an array behind for each: the data of a message that was read is good until the
/// next one is read. For one reader, or one writer, at a time.
/// </summary>
internal sealed class Frames(Stream pipe)
{
    /// <summary>A trailer with ten thousand names of files fits; more is a broken sender.</summary>
    public const int Largest = 16 * 1024 * 1024;

    /// <summary>
    /// Bytes of data in one frame, and so in a message of a stream. Few calls; and below 85,000 bytes, from which on the collector has a heap of its own that it looks through
    /// only with everything else: whoever passes messages on makes a new array for each. With its headers it stays below 64 KiB, too: buffers are rented in powers of two, and
    /// the next one would lie in that heap.
    /// </summary>
    public const int Chunk = 63 * 1024;

    private const int LengthBytes = 4;

    private byte[] _buffer = [];

    /// <summary>Writes one message; the pipe takes it as fast as the other side reads.</summary>
    /// <exception cref="IOException">The other side is gone.</exception>
    public void Write(IMessage message)
    {
        pipe.Write(Encode(message).Span);
        pipe.Flush();
    }

    /// <summary>As <see cref="Write"/>.</summary>
    /// <exception cref="IOException">The other side is gone.</exception>
    public ValueTask WriteAsync(IMessage message, CancellationToken cancellation) => pipe.WriteAsync(Encode(message), cancellation);

    /// <summary>Reads the job of a child; null: the pipe ended.</summary>
    /// <exception cref="InvalidDataException">It ended within one, or is none.</exception>
    public ConfinedJob? ReadJob() => Read() is { } frame ? Parse(ConfinedJob.Parser, frame) : null;

    /// <summary>Reads what comes to a child; null: the pipe ended between two.</summary>
    /// <exception cref="InvalidDataException">It ended within one, or is none.</exception>
    public ConfinedInput? ReadInput() => Read() is not { } frame ? null
        : DataOf(frame, ConfinedInput.DataFieldNumber) is { } data ? new ConfinedInput { Data = data } : Parse(ConfinedInput.Parser, frame);

    /// <summary>Reads what a child says; null: the pipe ended between two.</summary>
    /// <exception cref="InvalidDataException">It ended within one, or is none.</exception>
    public async ValueTask<ConfinedOutput?> ReadOutputAsync(CancellationToken cancellation)
    {
        Fit(LengthBytes);
        var got = await pipe.ReadAtLeastAsync(_buffer.AsMemory(0, LengthBytes), LengthBytes, throwOnEndOfStream: false, cancellation);
        if (got == 0)
            return null;
        var size = LengthOf(got);
        Fit(size);
        if (await pipe.ReadAtLeastAsync(_buffer.AsMemory(0, size), size, throwOnEndOfStream: false, cancellation) < size)
            throw Cut();
        var frame = new ArraySegment<byte>(_buffer, 0, size);
        return DataOf(frame, ConfinedOutput.DataFieldNumber) is { } data ? new ConfinedOutput { Data = data } : Parse(ConfinedOutput.Parser, frame);
    }

    private ArraySegment<byte>? Read()
    {
        Fit(LengthBytes);
        var got = pipe.ReadAtLeast(_buffer.AsSpan(0, LengthBytes), LengthBytes, throwOnEndOfStream: false);
        if (got == 0)
            return null;
        var size = LengthOf(got);
        Fit(size);
        return pipe.ReadAtLeast(_buffer.AsSpan(0, size), size, throwOnEndOfStream: false) == size ? new ArraySegment<byte>(_buffer, 0, size) : throw Cut();
    }

    private ReadOnlyMemory<byte> Encode(IMessage message)
    {
        var size = message.CalculateSize();
        Fit(LengthBytes + size);
        BinaryPrimitives.WriteInt32LittleEndian(_buffer, size);
        message.WriteTo(_buffer.AsSpan(LengthBytes, size));
        return _buffer.AsMemory(0, LengthBytes + size);
    }

    private int LengthOf(int got)
    {
        if (got < LengthBytes)
            throw Cut();
        var size = BinaryPrimitives.ReadInt32LittleEndian(_buffer);
        return size is >= 0 and <= Largest ? size : throw new InvalidDataException($"a frame of {size} bytes; at most {Largest} are taken");
    }

    private void Fit(int bytes)
    {
        if (_buffer.Length < bytes)
            _buffer = new byte[Math.Max(bytes, Chunk + 64)];
    }

    // A frame that is one field of bytes and nothing else, without copying it; null: it is something else, or broken, which the parser says.
    private static ByteString? DataOf(ArraySegment<byte> frame, int field)
    {
        try
        {
            using var input = new CodedInputStream(frame.Array!, frame.Offset, frame.Count);
            if (input.ReadTag() != WireFormat.MakeTag(field, WireFormat.WireType.LengthDelimited))
                return null;
            var length = input.ReadLength();
            return length >= 0 && input.Position - frame.Offset + length == frame.Count
                ? UnsafeByteOperations.UnsafeWrap(frame.AsMemory(frame.Count - length)) : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static T Parse<T>(MessageParser<T> parser, ArraySegment<byte> frame)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(frame.Array, frame.Offset, frame.Count);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException("a frame is no message", e);
        }
    }

    private static InvalidDataException Cut() => new("a frame was cut");
}
