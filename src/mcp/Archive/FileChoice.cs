using Mcp.Native;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Archive;

/// <summary>What becomes of one regular file in an export.</summary>
internal abstract record FileChoice
{
    /// <summary>It is archived as it is.</summary>
    public static readonly FileChoice AsItIs = new Whole();

    /// <summary>It is not archived, and that is no loss: what it holds stands in another file (a database's journal).</summary>
    public static readonly FileChoice Covered = new Absent();

    /// <summary>It is not archived because nobody asked for its kind; the archive is partial.</summary>
    /// <param name="Rule">Why, in words that follow the name.</param>
    internal sealed record NotTaken(string Rule) : FileChoice;

    /// <summary>Another file's content is archived under its name, with its owner, mode and times: a consistent copy.</summary>
    /// <param name="Copy">Open for reading; the export closes it.</param>
    internal sealed record Instead(SafeFileHandle Copy) : FileChoice;

    private sealed record Whole : FileChoice;

    private sealed record Absent : FileChoice;
}

/// <summary>Looks at a regular file before it is archived: the name from the service's directory on, the open file, and its status.</summary>
internal delegate FileChoice ChooseFile(ReadOnlySpan<byte> name, SafeFileHandle file, in FileStatus status);
