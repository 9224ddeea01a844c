using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.EndToEnd.Harness;
using Mcp.V1;

namespace Mcp.Benchmarks.Data;

/// <summary>What the product archives with, without a fleet: the published file as a confined child, whose archive goes into a file.</summary>
internal static class ConfinedExport
{
    /// <summary>Archives a folder; the file is on the disk afterwards.</summary>
    /// <param name="corpus">What.</param>
    /// <param name="scratch">A folder for copies of databases.</param>
    /// <param name="path">The file; it must not exist.</param>
    /// <returns>What the archive is.</returns>
    public static async Task<StreamTrailer> RunAsync(Corpus corpus, string scratch, string path)
    {
        var staging = Directory.CreateDirectory(Path.Combine(scratch, "staging")).FullName;
        var job = new ExportJob { Folder = corpus.Folder, Staging = staging, Workers = Math.Min(4, Environment.ProcessorCount), PatienceSeconds = 10 };
        var folders = new ConfinedFolders { Reading = [corpus.Folder], Writing = [staging] };
        await using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 });
        await using var child = await ConfinedChild.StartAsync(new ConfinedProgram(PublishedBinary.Path, []), folders, new ConfinedJob { Export = job }, "is measured", CancellationToken.None);
        while (await child.NextAsync(CancellationToken.None) is { } frame)
            file.Write(frame.Data.Span);
        file.Flush(flushToDisk: true);
        return child.Result!.Export;
    }
}
