using Google.Protobuf;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.Errors;
using Mcp.Processes;
using Mcp.V1;

namespace Mcp.Agent.Importing;

/// <summary>
/// An extraction under way in a confined child that can reach nothing but the folders of its job: pieces of the compressed stream go in as they come, then
/// the trailer; the answer is that the tree is whole, checked, marked and durable. A slow disk slows the sender; memory stays flat.
/// </summary>
internal sealed class Extraction : IAsyncDisposable
{
    private readonly ConfinedChild _child;

    private Extraction(ConfinedChild child) => _child = child;

    /// <summary>
    /// The program that works on services' files here: as root this one; without root this one in podman's user namespace, where alone the owners
    /// of a service's files have the numbers that its containers see.
    /// </summary>
    /// <exception cref="McpException">Podman's program, which opens that namespace, is not there.</exception>
    public static ConfinedProgram Program => Environment.IsPrivilegedProcess
        ? ConfinedProgram.Own
        : ConfinedProgram.Rootless(ProgramPath.Find("podman") ?? throw new McpException(FaultCode.FailedPrecondition, "podman is not on PATH, so nobody can enter its user namespace") { Hint = "apt-get install podman" });

    /// <summary>Begins one.</summary>
    /// <param name="job">Its folders exist and are empty.</param>
    /// <param name="service">For messages.</param>
    /// <param name="cancellation">Kills it.</param>
    /// <exception cref="McpException">It could not be started.</exception>
    public static async Task<Extraction> BeginAsync(ImportJob job, string service, CancellationToken cancellation)
    {
        var folders = new ConfinedFolders
        {
            Reading = job.Now.Length > 0 ? [job.Now] : [],
            Writing = job.Part.Length > 0 ? [job.Folder, job.Part] : [job.Folder],
        };
        return new Extraction(await ConfinedChild.StartAsync(Program, folders, new ConfinedJob { Import = job }, $"takes in {service}", cancellation));
    }

    /// <summary>Hands in the next piece of the stream, when there is room for it.</summary>
    /// <exception cref="McpException">The archive was refused, or the disk is full.</exception>
    public Task WriteAsync(ByteString piece, CancellationToken cancellation) => _child.SendAsync(piece, cancellation);

    /// <summary>The stream is over, and this is what it must be: waits until the tree is complete.</summary>
    /// <exception cref="McpException">The archive was refused, is not what was sent, or a database in it is damaged.</exception>
    public async Task<ImportResult> EndAsync(StreamTrailer trailer, Action<TransferProgress> progress, CancellationToken cancellation)
    {
        await _child.EndAsync(trailer, cancellation);
        while (await _child.NextAsync(cancellation) is { } frame)
        {
            if (frame.Progress is { } at)
                progress(at);
        }
        return _child.Result?.Import ?? throw new McpException(FaultCode.Internal, "the confined process answered something else than it was asked");
    }

    /// <summary>Ends whatever is still going on; nothing writes to the folders any more when this returns.</summary>
    public ValueTask DisposeAsync() => _child.DisposeAsync();
}
