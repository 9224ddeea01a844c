using System.Text;
using ConsoleAppFramework;
using Mcp.Cli.Configuration;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output.Json;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Files;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Definitions: on this machine and as the fleet has them.</summary>
internal sealed class ServiceCommand(CommandContext context)
{
    /// <summary>Writes a first definition to start from, into the folder of definitions.</summary>
    /// <param name="service">service: its name</param>
    /// <param name="image">the image of its first component</param>
    /// <param name="port">the port that the container listens on; without it the container is told by $PORT</param>
    [Command("new")]
    public void New([Argument] string service, string? image = null, ushort? port = null)
    {
        var name = ServiceTarget.Parse(service).Service;
        var path = ServiceFiles.PathOf(CliConfigurationReader.Read(ConfigurationFolder.Find(context)), name);
        if (File.Exists(path))
            throw new McpException(FaultCode.AlreadyExists, $"{path} exists already; it was left alone") { Hint = $"mcp service edit {name}" };
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        DurableFile.Write(path, Encoding.UTF8.GetBytes(DefinitionTemplate.Write(name, image, port)), DurableFile.Secret);
        context.Screen.Line(path);
        context.Reporter.Note($"next: mcp service edit {name}, then mcp deploy {name}");
    }

    /// <summary>Shows a service's definition as the fleet has it; values of env are hidden.</summary>
    /// <param name="service">service: which</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="node">-n, with --direct: the node to ask (default: the one that has the service)</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("show")]
    public async Task Show([Argument] string service, bool direct = false, string? node = null, bool json = false, CancellationToken cancel = default)
    {
        using var reader = await FleetReader.OpenAsync(context, direct, node, cancel);
        var found = await AskAsync(reader, service, cancel);
        foreach (var component in found.Spec.Components)
        {
            for (var i = 0; i < component.Env.Count; i++)
                component.Env[i] = HideValue(component.Env[i]);
        }
        var text = DefinitionWriter.Write(found.Spec);
        if (json)
        {
            context.Screen.Json(
                new ServiceDocument(found.Spec.Name, found.Node, found.State, found.Generation, found.Epoch, found.SpecHash, [.. found.Images.Select(i => i.ToDocument())], text),
                CliJson.Default.ServiceDocument);
            return;
        }
        context.Screen.Line($"# {found.State} on {found.Node}, generation {found.Generation}, spec {found.SpecHash}");
        foreach (var image in found.Images)
            context.Screen.Line($"# {image.Component}: {image.Reference} is {image.Digest}");
        context.Screen.Block(text);
    }

    /// <summary>Opens a definition in $VISUAL or $EDITOR; it is saved only when it is good. Taken from the fleet when it is not on this machine.</summary>
    /// <param name="service">service: which</param>
    /// <param name="cancel">Ctrl-C: the definition stays as it was.</param>
    [Command("edit")]
    public async Task Edit([Argument] string service, CancellationToken cancel = default)
    {
        var name = ServiceTarget.Parse(service).Service;
        var path = ServiceFiles.PathOf(CliConfigurationReader.Read(ConfigurationFolder.Find(context)), name);
        if (!context.InIsTerminal || !context.ErrorIsTerminal)
            throw new McpException(FaultCode.FailedPrecondition, $"there is no terminal to edit {path} on") { Hint = $"change the file, then mcp deploy {name}" };
        if (!File.Exists(path))
            await ExportToAsync(path, name, direct: false, node: null, cancel);
        var saved = await new DefinitionEditing(context).RunAsync(path, name, cancel);
        context.Reporter.Note(saved ? $"{path} is saved; next: mcp deploy {name}" : "nothing was changed");
    }

    /// <summary>Prints a service's definition as the fleet has it, with the values of env; good to deploy again.</summary>
    /// <param name="service">service: which</param>
    /// <param name="output">-o, write it to this file, mode 0600, instead of printing it</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="node">-n, with --direct: the node to ask (default: the one that has the service)</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("export")]
    public async Task Export([Argument] string service, string? output = null, bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        if (output is not null)
        {
            await ExportToAsync(output, service, direct, node, cancel);
            context.Screen.Line(output);
            return;
        }
        using var reader = await FleetReader.OpenAsync(context, direct, node, cancel);
        context.Screen.Block(DefinitionWriter.Write((await AskAsync(reader, service, cancel)).Spec));
    }

    private async Task ExportToAsync(string path, string service, bool direct, string? node, CancellationToken cancel)
    {
        if (File.Exists(path))
            throw new McpException(FaultCode.AlreadyExists, $"{path} exists already; it was left alone");
        using var reader = await FleetReader.OpenAsync(context, direct, node, cancel);
        var found = await AskAsync(reader, service, cancel);
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        // env may hold passwords.
        DurableFile.Write(path, Encoding.UTF8.GetBytes(DefinitionWriter.Write(found.Spec)), DurableFile.Secret);
        context.Reporter.Note($"{path}: generation {found.Generation} as the fleet has it");
    }

    private static async Task<GetServiceResponse> AskAsync(FleetReader reader, string text, CancellationToken cancel)
    {
        var service = ServiceTarget.Parse(text).Service;
        if (reader.Master is { } master)
        {
            var told = await master.Master.GetServiceAsync(new GetServiceRequest { ServiceName = service }, cancellationToken: cancel);
            master.Seen?.Remember([KeyValuePair.Create(told.Spec.Name, told.Generation)]);
            return told;
        }
        var found = await reader.ServiceAsync(service, cancel);
        var answer = new GetServiceResponse
        {
            Spec = found.Spec,
            Node = found.Status.Node,
            State = found.Status.Status,
            Generation = found.Status.Generation,
            Epoch = found.Status.Epoch,
            SpecHash = found.Status.SpecHash,
        };
        answer.Images.AddRange(found.Images);
        reader.Remember(service, found.Status.Node, found.Status.Generation);
        return answer;
    }

    private static string HideValue(string assignment)
    {
        var equals = assignment.IndexOf('=', StringComparison.Ordinal);
        return equals < 0 ? assignment : assignment[..equals] + "=(hidden; mcp service export shows it)";
    }
}
