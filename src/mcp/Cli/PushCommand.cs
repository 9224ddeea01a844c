using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Brings a file to a service.</summary>
internal sealed class PushCommand(CommandContext context)
{
    /// <summary>Copies a file of this machine into a service's directory on its node, whole or not at all; a file of that name is replaced.</summary>
    /// <param name="service">service: whose directory</param>
    /// <param name="local">file: on this machine</param>
    /// <param name="remote">path: where in /srv/SERVICE/; with a trailing / the directory (default: the file's own name)</param>
    /// <param name="secret">only the owner may read it: mode 0600, as env_files need it</param>
    /// <param name="newService">before the first deploy: make the directory, and let the service belong to this node from now on</param>
    /// <param name="direct">talk to the agent, not the master</param>
    /// <param name="node">-n, with --direct or --new-service: the node</param>
    /// <param name="cancel">Ctrl-C: nothing is written.</param>
    [Command("push")]
    public async Task Push(
        [Argument] string service, [Argument] string local, [Argument] string? remote = null, bool secret = false, bool newService = false,
        bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        if (target.Component.Length > 0)
            throw new McpException(FaultCode.InvalidArgument, "files belong to a service as a whole") { Hint = $"mcp push {target.Service} {local}" };
        var wanted = remote is null or "" ? Path.GetFileName(local) : remote.EndsWith('/') ? remote + Path.GetFileName(local) : remote;
        if (!ServicePath.TryParse(target.Service, wanted, out var path, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"the path '{wanted}' {problem}");
        using var file = Open(local);
        var start = new FileStart
        {
            Service = target.Service,
            Path = path.Relative,
            Mode = secret ? 0b110_000_000 : (uint)File.GetUnixFileMode(file) & 0x1ff,
            Overwrite = true,
            Bytes = (ulong)RandomAccess.GetLength(file),
            Node = direct ? "" : node ?? "",
            NewService = newService,
        };
        using var link = await FleetLink.OpenAsync(context, direct, direct ? node : null, cancel);
        var written = await new FileTransfer(context, link).PushAsync(start, file, cancel);
        context.Screen.Line($"{written.Path} {(written.Replaced ? "is replaced" : "is written")} on {written.Node} ({Measures.Bytes(written.Bytes)}, mode {Convert.ToString(written.Mode, 8).PadLeft(4, '0')})");
        if (!newService)
            context.Reporter.Note($"a running container sees it at once; what it read at its start needs mcp restart {target.Service}");
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle Open(string local)
    {
        try
        {
            if (Directory.Exists(local))
                throw new McpException(FaultCode.InvalidArgument, $"{local} is a directory; push copies one file") { Hint = $"tar -C {local} -cf - . | …; or push its files one by one" };
            return File.OpenHandle(local, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new McpException(FaultCode.NotFound, $"{local} cannot be read", e) { Cause = e.Message, Hint = $"ls -l {local}" };
        }
    }
}
