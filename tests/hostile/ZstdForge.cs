using System.Buffers.Binary;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Mcp.Hostile;

/// <summary>Makes zstd streams, right or wrong on purpose (RFC 8878).</summary>
public static class ZstdForge
{
    /// <summary>One frame as an honest sender makes it, with its checksum.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> content, int level = 1, params ReadOnlySpan<(ZSTD_cParameter Parameter, int Value)> parameters)
    {
        using var compressed = new MemoryStream();
        using (var output = new CompressionStream(compressed, level, leaveOpen: true))
        {
            output.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            foreach (var (parameter, value) in parameters)
                output.SetParameter(parameter, value);
            output.Write(content);
        }
        return compressed.ToArray();
    }

    /// <summary>A frame of much more than fits into memory: a beginning, so many times a part, and an end.</summary>
    public static byte[] Frame(byte[] beginning, byte[] part, int times, byte[] end)
    {
        using var compressed = new MemoryStream();
        using (var output = new CompressionStream(compressed, 1, leaveOpen: true))
        {
            output.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            output.Write(beginning);
            for (var time = 0; time < times; time++)
                output.Write(part);
            output.Write(end);
        }
        return compressed.ToArray();
    }

    /// <summary>A frame that a decoder has to pass over (3.1.2).</summary>
    public static byte[] Skippable(ReadOnlySpan<byte> content, uint? claimed = null)
    {
        var frame = new byte[8 + content.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(frame, 0x184d2a53);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(4), claimed ?? (uint)content.Length);
        content.CopyTo(frame.AsSpan(8));
        return frame;
    }

    /// <summary>
    /// A frame with a header of our own and one uncompressed block. The checksum is left wrong: who gets so far has accepted the header.
    /// </summary>
    /// <param name="descriptor">The frame header descriptor (3.1.1.1.1).</param>
    /// <param name="fields">Window descriptor, dictionary id and content size, as the descriptor says.</param>
    /// <param name="content">At most 128 KiB.</param>
    /// <param name="kind">Of the block: 0 as it is, 1 one byte repeated, 2 compressed, 3 reserved.</param>
    public static byte[] Raw(byte descriptor, ReadOnlySpan<byte> fields, ReadOnlySpan<byte> content, int kind = 0)
    {
        var block = content.Length << 3 | kind << 1 | 1;
        return [0x28, 0xb5, 0x2f, 0xfd, descriptor, .. fields, (byte)block, (byte)(block >> 8), (byte)(block >> 16), .. content, 0, 0, 0, 0];
    }
}
