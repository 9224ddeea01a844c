using Google.Protobuf;
using Mcp.Archive;
using Mcp.Confined.V1;
using Mcp.Native;
using Mcp.V1;

namespace Mcp.Confinement.Work;

/// <summary>Counts what an export would send, by the export's own rules, without reading more of a file than its first bytes.</summary>
internal static class InspectWork
{
    /// <summary>Walks the folder.</summary>
    public static DataInspection Do(InspectJob job)
    {
        using var root = Folder.Open(job.Folder);
        var selection = new FileSelection(root, job.Essentials);
        var inspection = new DataInspection();
        var export = new TreeExport(
            new ArchiveWriter(Stream.Null), new ExcludePatterns(job.Excludes),
            (name, file, in status) =>
            {
                switch (selection.RoleOf(name, file, status))
                {
                    case FileRole.Database:
                        inspection.Databases.Add(new DatabaseCopy { Path = ByteString.CopyFrom(name), Bytes = (ulong)status.Size });
                        return FileChoice.AsItIs;
                    case FileRole.PartOfDatabase:
                        return FileChoice.Covered;
                    case FileRole.NotTaken:
                        return new FileChoice.NotTaken("is not taken by the default method");
                    default:
                        return FileChoice.AsItIs;
                }
            },
            contents: false);
        var report = export.Run(root, CancellationToken.None);
        inspection.Bytes = (ulong)report.Bytes;
        inspection.Entries = (ulong)report.Entries;
        inspection.Skipped.AddRange(Notes.Of(report.Skipped, report.SkippedCount));
        return inspection;
    }
}
