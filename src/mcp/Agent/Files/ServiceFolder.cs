using Mcp.Agent.Ownership;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Text;

namespace Mcp.Agent.Files;

/// <summary>
/// The way from the data root down to a file of a service: folder by folder, each opened relative to the one before and never through a link,
/// so that a container which swaps a folder for a link at any moment is met by a refusal and nothing else (FAULTS row 64).
/// </summary>
internal static class ServiceFolder
{
    // A folder above the service's has mode and owner of the machine's; below it, of the folder that it is in.
    private const uint Private = 0b111_000_000;

    /// <summary>Reads the path of a request.</summary>
    /// <exception cref="McpException">InvalidArgument: the service is not one, or the path is not one in it.</exception>
    public static ServicePath Parse(string service, string path)
    {
        if (!ServiceName.TryParse(service, out _, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"the service name '{Printable.Line(service, 80)}' {problem}");
        // The master's own folder holds the fleet's keys. It runs as a service, but its files are nobody's to fetch.
        if (service == ReservedNames.MasterService)
            throw new McpException(FaultCode.PermissionDenied, $"files of {service} are not pushed or pulled: they hold the fleet's keys") { Hint = "on its node: mcp master backup <file>" };
        return ServicePath.TryParse(service, path, out var parsed, out problem)
            ? parsed
            : throw new McpException(FaultCode.InvalidArgument, $"the path '{Printable.Line(path, 200)}' {problem}") { Hint = $"relative to /srv/{service}/, as conf/app.toml" };
    }

    /// <summary>Opens the folder that a file is in, or null when it or one on the way is missing.</summary>
    /// <exception cref="IOException">A link is on the way, or something that is no folder.</exception>
    public static FolderHandle? TryOpen(string dataRoot, ServicePath path) => Descend(dataRoot, path, (here, name, _) => here.TryOpenFolder(name));

    /// <summary>Opens the folder that a file is in; missing ones are made, with mode and owner of the folder above.</summary>
    /// <exception cref="IOException">A link is on the way, something that is no folder, or it cannot be made.</exception>
    public static FolderHandle Ensure(string dataRoot, ServicePath path) => Descend(dataRoot, path, (here, name, isService) =>
    {
        if (isService)
            return here.EnsureFolder(name, Private).Folder;
        var above = here.Facts;
        return here.EnsureFolder(name, above.Mode, OwnerFor(above)).Folder;
    })!;

    /// <summary>The owner that something new gets beside or in <paramref name="facts"/>; null: the agent's own user, who may give nothing away.</summary>
    public static (uint User, uint Group)? OwnerFor(EntryFacts facts) => Environment.IsPrivilegedProcess ? (facts.User, facts.Group) : null;

    private static FolderHandle? Descend(string dataRoot, ServicePath path, Func<FolderHandle, string, bool, FolderHandle?> step)
    {
        var here = FolderHandle.Open(dataRoot);
        try
        {
            foreach (var (name, isService) in path.Parts.SkipLast(1).Select(p => (p, false)).Prepend((path.Service, true)))
            {
                var next = step(here, name, isService);
                here.Dispose();
                if (next is null)
                    return null;
                here = next;
            }
            return here;
        }
        catch
        {
            here.Dispose();
            throw;
        }
    }
}
