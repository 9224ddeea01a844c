using Mcp.Archive;
using Mcp.Confined.V1;
using Mcp.Errors;
using Mcp.Native;
using Mcp.V1;

namespace Mcp.Confinement.Work;

/// <summary>
/// Takes an archive in, into folders that nobody else can enter. What the stream came to is compared with its trailer here, where it was counted;
/// only then the tree is completed (see <see cref="TreeIntake"/>).
/// </summary>
internal static class ImportWork
{
    /// <summary>Does it.</summary>
    /// <exception cref="ArchiveException">The archive is refused.</exception>
    /// <exception cref="McpException">DataLoss: what came is not what was sent.</exception>
    public static ImportResult Do(ImportJob job, WorkPort port)
    {
        var partial = job.Now.Length > 0;
        var intake = new TreeIntake(new IntakeOrder(job.MostBytes, job.MostEntries, job.Owners, job.KeepRoot));
        using var into = Folder.Open(partial ? job.Part : job.Folder);
        port.Report("extract", 0, 0);
        var came = intake.Extract(port.Input, into, CancellationToken.None);
        Compare(port.Trailer ?? throw new InvalidDataException("no trailer came"), came);
        port.Report("verify", 0, 0);
        if (job.AsItIs)
            return new ImportResult { Came = came, Bytes = (ulong)intake.Bytes };
        if (partial)
        {
            using var now = Folder.Open(job.Now);
            using var result = Folder.Open(job.Folder);
            came.Databases.AddRange(intake.Overlay(into, now, result, port.Trailer.Databases, job.Marker.Span, CancellationToken.None));
        }
        else
        {
            came.Databases.AddRange(TreeIntake.Complete(into, port.Trailer.Databases, job.Marker.Span, CancellationToken.None));
        }
        return new ImportResult { Came = came, Bytes = (ulong)intake.Bytes };
    }

    private static void Compare(StreamTrailer trailer, StreamTrailer came)
    {
        if (trailer.Sha256 == came.Sha256 && trailer.Bytes == came.Bytes && trailer.Entries == came.Entries)
            return;
        throw new McpException(FaultCode.DataLoss, "what arrived is not what was sent")
        {
            Cause = trailer.Bytes != came.Bytes ? $"{trailer.Bytes} bytes of tar were sent, {came.Bytes} arrived"
                : trailer.Entries != came.Entries ? $"{trailer.Entries} entries were sent, {came.Entries} arrived" : "the SHA-256 of the tar differs",
            State = "nothing was changed",
            Hint = "try again; if it stays so, look for a broken disk or network card, and verify the snapshot: mcp snapshot verify",
        };
    }
}
