using System.Text;
using ConsoleAppFramework;
using Mcp.Cli.Configuration;
using Mcp.Cli.Connecting;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Files;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Takes containers that run already into the fleet.</summary>
internal sealed class AdoptCommand(CommandContext context)
{
    /// <summary>Makes containers that run on a node a service of the fleet, without restarting them, and prints the definition that they amount to.</summary>
    /// <param name="service">service: the name; its containers are SERVICE or SERVICE-COMPONENT</param>
    /// <param name="file">-f, a definition: it names the containers, and says what the next deploy makes of them</param>
    /// <param name="containers">instead of a definition: the containers' names, separated by commas (default without a definition: SERVICE)</param>
    /// <param name="write">write the definition that was derived into the folder of definitions</param>
    /// <param name="direct">talk to the agent, not the master</param>
    /// <param name="node">-n, the node on which they run (default: the definition's)</param>
    /// <param name="cancel">Ctrl-C lets go; the adoption runs on.</param>
    [Command("adopt")]
    public async Task Adopt(
        [Argument] string service, string? file = null, string? containers = null, bool write = false, bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        if (target.Component.Length > 0)
            throw new McpException(FaultCode.InvalidArgument, "a service is adopted as a whole") { Hint = $"mcp adopt {target.Service}" };
        if (file is not null && containers is not null)
            throw new McpException(FaultCode.InvalidArgument, "either a definition (-f) says which containers are meant, or --containers does");
        using var link = await FleetLink.OpenAsync(context, direct, direct ? node : null, cancel);
        var path = file ?? (link.Configuration is null ? null : ServiceFiles.PathOf(link.Configuration, target.Service));
        var spec = containers is null && path is not null && (file is not null || File.Exists(path)) ? ServiceFiles.Load(path, target.Service, context.Reporter) : null;
        if (spec is null && write && File.Exists(path))
            throw new McpException(FaultCode.AlreadyExists, $"{path} exists already; it was left alone") { Hint = "leave --write out, or move the file away" };
        var names = spec is not null ? [] : (containers ?? target.Service).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

        var adopted = await AskAsync(link, target.Service, spec, names, direct ? "" : node ?? "", cancel);
        if (adopted.Generation > 0)
            link.Seen?.Remember([KeyValuePair.Create(target.Service, adopted.Generation)]);
        context.Screen.Line($"{target.Service} {(adopted.AlreadyDone ? "is adopted already" : "is adopted")} on {adopted.Node}, generation {adopted.Generation}; nothing was restarted");
        foreach (var container in adopted.Containers)
            context.Screen.Line($"  {container}");
        foreach (var difference in adopted.Differences)
            context.Reporter.Warning($"the container differs from the definition, and the next deploy replaces it: {difference}");
        if (spec is not null)
            return;
        var text = DefinitionWriter.Write(adopted.Spec);
        if (!write || path is null)
        {
            context.Screen.Line();
            context.Screen.Block(text);
            return;
        }
        // env may hold passwords.
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        DurableFile.Write(path, Encoding.UTF8.GetBytes(text), DurableFile.Secret);
        context.Reporter.Note($"{path} says what runs; a deploy of it changes nothing");
    }

    private async Task<AdoptResponse> AskAsync(FleetLink link, string service, ServiceSpec? spec, IReadOnlyList<string> names, string node, CancellationToken cancel)
    {
        var run = new OperationRun(context, link, $"adoption of {service}");
        if (!link.ToAgent)
            return await run.CallAsync(o => link.Master.AdoptAsync(new AdoptRequest { Node = node, ServiceName = service, Spec = spec, Containers = { names } }, o), cancel);
        var there = (await link.Agent.NodeStatusAsync(new NodeStatusRequest(), cancellationToken: cancel)).Name;
        var answer = await run.CallAsync(o => link.Agent.AdoptContainersAsync(new AdoptContainersRequest { Spec = spec, Service = service, Containers = { names } }, o), cancel);
        return new AdoptResponse
        {
            Spec = answer.Result.Spec,
            Generation = answer.Result.Generation,
            Node = there,
            AlreadyDone = answer.AlreadyDone,
            Containers = { answer.Result.Components.Select(c => $"{ContainerName.Of(service, c.Component)} {c.ContainerId}") },
            Differences = { answer.Result.Differences },
        };
    }
}
