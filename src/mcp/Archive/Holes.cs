using Microsoft.Win32.SafeHandles;

namespace Mcp.Archive;

/// <summary>Writes content and leaves out blocks that are all zeros: in a new file they are holes, and read as the same zeros.</summary>
internal static class Holes
{
    /// <summary>The block of every common file system; smaller holes do not exist on the disk.</summary>
    private const int Block = 4096;

    /// <summary>Writes <paramref name="content"/> at <paramref name="offset"/>, which is a multiple of 4 KiB.</summary>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> content, long offset)
    {
        while (content.Length > 0)
        {
            var zeros = Run(content, zero: true);
            content = content[zeros..];
            offset += zeros;
            var data = Run(content, zero: false);
            if (data > 0)
                RandomAccess.Write(file, content[..data], offset);
            content = content[data..];
            offset += data;
        }
    }

    // The bytes of the whole blocks from the start on that are, or are not, all zeros.
    private static int Run(ReadOnlySpan<byte> content, bool zero)
    {
        var length = 0;
        while (length < content.Length)
        {
            var block = content.Slice(length, Math.Min(Block, content.Length - length));
            if (block.ContainsAnyExcept((byte)0) == zero)
                break;
            length += block.Length;
        }
        return length;
    }
}
