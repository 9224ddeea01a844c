using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Fetches a file of a service.</summary>
internal sealed class PullCommand(CommandContext context)
{
    /// <summary>Copies a file of a service's directory from its node to this machine, whole or not at all; each such reading is audited.</summary>
    /// <param name="service">service: whose directory</param>
    /// <param name="path">path: of the file, in /srv/SERVICE/</param>
    /// <param name="local">file: what it is called here, or the directory to put it in (default: its own name, here)</param>
    /// <param name="overwrite">although there is a file of that name here</param>
    /// <param name="direct">talk to the agent, not the master</param>
    /// <param name="node">-n, with --direct: the node; else of a service that the fleet does not know</param>
    /// <param name="cancel">Ctrl-C: nothing is written.</param>
    [Command("pull")]
    public async Task Pull(
        [Argument] string service, [Argument] string path, [Argument] string? local = null, bool overwrite = false, bool direct = false,
        string? node = null, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        if (target.Component.Length > 0)
            throw new McpException(FaultCode.InvalidArgument, "files belong to a service as a whole") { Hint = $"mcp pull {target.Service} {path}" };
        if (!ServicePath.TryParse(target.Service, path, out var wanted, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"the path '{path}' {problem}");
        var here = local is null or "" ? wanted.Name : Directory.Exists(local) ? Path.Combine(local, wanted.Name) : local;
        if (Directory.Exists(here))
            throw new McpException(FaultCode.AlreadyExists, $"{here} is a directory") { Hint = "name the file" };
        if (File.Exists(here) && !overwrite)
            throw new McpException(FaultCode.AlreadyExists, $"{here} exists already; it was left alone") { Hint = "name another file, or --overwrite" };
        using var link = await FleetLink.OpenAsync(context, direct, direct ? node : null, cancel);
        var request = new FileRead { Service = target.Service, Path = wanted.Relative, Node = direct ? "" : node ?? "" };
        var bytes = await new FileTransfer(context, link).PullAsync(request, here, cancel);
        context.Screen.Line($"{here} ({Measures.Bytes(bytes)})");
    }
}
