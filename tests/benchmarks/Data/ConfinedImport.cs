using Google.Protobuf;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.EndToEnd.Harness;
using Mcp.V1;

namespace Mcp.Benchmarks.Data;

/// <summary>What the product extracts with, without a fleet: an archive from a file goes into the published file as a confined child, which writes the tree.</summary>
internal static class ConfinedImport
{
    /// <summary>Extracts; the tree is on the disk afterwards.</summary>
    /// <param name="archive">A file that <see cref="ConfinedExport"/> has made.</param>
    /// <param name="trailer">What it must be.</param>
    /// <param name="target">An empty folder.</param>
    public static async Task RunAsync(string archive, StreamTrailer trailer, string target)
    {
        var job = new ImportJob { Folder = target, MostBytes = 1L << 40, MostEntries = 1 << 24, Owners = true };
        var folders = new ConfinedFolders { Writing = [target] };
        await using var file = File.OpenRead(archive);
        await using var child = await ConfinedChild.StartAsync(new ConfinedProgram(PublishedBinary.Path, []), folders, new ConfinedJob { Import = job }, "is measured", CancellationToken.None);
        var piece = new byte[Frames.Chunk];
        while (await file.ReadAtLeastAsync(piece, piece.Length, throwOnEndOfStream: false) is var read and > 0)
            await child.SendAsync(UnsafeByteOperations.UnsafeWrap(piece.AsMemory(0, read)), CancellationToken.None);
        await child.EndAsync(trailer, CancellationToken.None);
        while (await child.NextAsync(CancellationToken.None) is not null)
        {
        }
    }
}
