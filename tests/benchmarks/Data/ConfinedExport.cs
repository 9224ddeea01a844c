using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.EndToEnd.Harness;

namespace Mcp.Benchmarks.Data;

/// <summary>What the product archives with, without a fleet: the published file as a confined child, whose archive goes into a file.</summary>
internal static class ConfinedExport
{
    /// <summary>Archives a folder; the file is on the disk afterwards, and then removed.</summary>
    /// <returns>Bytes of the file.</returns>
    public static async Task<long> RunAsync(Corpus corpus, string scratch)
    {
        var staging = Directory.CreateDirectory(Path.Combine(scratch, "staging")).FullName;
        var path = Path.Combine(scratch, "export.tar.zst");
        var job = new ExportJob { Folder = corpus.Folder, Staging = staging, Workers = Math.Min(4, Environment.ProcessorCount), PatienceSeconds = 10 };
        var folders = new ConfinedFolders { Reading = [corpus.Folder], Writing = [staging] };
        await using (var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 }))
        {
            await using var child = await ConfinedChild.StartAsync(new ConfinedProgram(PublishedBinary.Path, []), folders, new ConfinedJob { Export = job }, "is measured", CancellationToken.None);
            while (await child.NextAsync(CancellationToken.None) is { } frame)
                file.Write(frame.Data.Span);
            file.Flush(flushToDisk: true);
        }
        var bytes = new FileInfo(path).Length;
        File.Delete(path);
        return bytes;
    }
}
