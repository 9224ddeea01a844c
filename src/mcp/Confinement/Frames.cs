using System.Buffers.Binary;
using Google.Protobuf;

namespace Mcp.Confinement;

/// <summary>Messages on a pipe: 4 bytes of length, little-endian, then the message. Either side may be hostile, so the length is judged first.</summary>
internal static class Frames
{
    /// <summary>A trailer with ten thousand names of files fits; more is a broken sender.</summary>
    public const int Largest = 16 * 1024 * 1024;

    /// <summary>Bytes of data in one frame: few calls, and little memory on the way.</summary>
    public const int Chunk = 256 * 1024;

    /// <summary>Writes one message; the pipe takes it as fast as the other side reads.</summary>
    /// <param name="pipe">Where to.</param>
    /// <param name="message">What.</param>
    /// <param name="buffer">Kept by the caller for the next frame, so that a stream of large ones takes no new memory each.</param>
    public static void Write(Stream pipe, IMessage message, ref byte[] buffer)
    {
        var size = message.CalculateSize();
        if (buffer.Length < 4 + size)
            buffer = new byte[4 + size];
        BinaryPrimitives.WriteInt32LittleEndian(buffer, size);
        message.WriteTo(buffer.AsSpan(4, size));
        pipe.Write(buffer.AsSpan(0, 4 + size));
        pipe.Flush();
    }

    /// <summary>As <see cref="Write"/>.</summary>
    /// <exception cref="IOException">The other side is gone.</exception>
    public static ValueTask WriteAsync(Stream pipe, IMessage message, CancellationToken cancellation) => pipe.WriteAsync(Encode(message), cancellation);

    /// <summary>Reads one message; null: the pipe ended between two.</summary>
    /// <exception cref="InvalidDataException">It ended within one, or is none.</exception>
    public static T? Read<T>(Stream pipe, MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        Span<byte> length = stackalloc byte[4];
        var got = pipe.ReadAtLeast(length, 4, throwOnEndOfStream: false);
        if (got == 0)
            return null;
        var bytes = new byte[LengthOf(got, length)];
        if (pipe.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new InvalidDataException("a frame was cut");
        return Parse(parser, bytes);
    }

    /// <summary>As <see cref="Read{T}"/>.</summary>
    /// <exception cref="InvalidDataException">It ended within one, or is none.</exception>
    public static async Task<T?> ReadAsync<T>(Stream pipe, MessageParser<T> parser, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        var length = new byte[4];
        var got = await pipe.ReadAtLeastAsync(length, 4, throwOnEndOfStream: false, cancellation);
        if (got == 0)
            return null;
        var bytes = new byte[LengthOf(got, length)];
        if (await pipe.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellation) < bytes.Length)
            throw new InvalidDataException("a frame was cut");
        return Parse(parser, bytes);
    }

    private static byte[] Encode(IMessage message)
    {
        var size = message.CalculateSize();
        var bytes = new byte[4 + size];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, size);
        message.WriteTo(bytes.AsSpan(4));
        return bytes;
    }

    private static int LengthOf(int got, ReadOnlySpan<byte> length)
    {
        if (got < 4)
            throw new InvalidDataException("a frame was cut");
        var size = BinaryPrimitives.ReadInt32LittleEndian(length);
        return size is >= 0 and <= Largest ? size : throw new InvalidDataException($"a frame of {size} bytes; at most {Largest} are taken");
    }

    private static T Parse<T>(MessageParser<T> parser, byte[] bytes)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException("a frame is no message", e);
        }
    }
}
