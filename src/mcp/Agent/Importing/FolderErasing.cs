using Mcp.Agent.Registry;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.Errors;

namespace Mcp.Agent.Importing;

/// <summary>
/// Erases what lies in the agent's own places: as root by itself; without root the content first in podman's user namespace, where alone the files of
/// containers may be removed, and then the folder.
/// </summary>
internal sealed class FolderErasing(AgentParts parts)
{
    /// <summary>Erases what lies in a place under a name; nothing there is no error.</summary>
    /// <returns>How many bytes its files had.</returns>
    /// <exception cref="McpException">Something could not be removed.</exception>
    public async Task<ulong> EraseAsync(string place, string name, CancellationToken ct)
    {
        var bytes = 0UL;
        if (!Environment.IsPrivilegedProcess && Directory.Exists(parts.Folders.PathOf(place, name)))
        {
            var path = parts.Folders.PathOf(place, name);
            var result = await ConfinedChild.RunAsync(
                Extraction.Program, new ConfinedFolders { Writing = [path] }, new ConfinedJob { Erase = new EraseJob { Folder = path } }, $"erases {name}", ct);
            bytes = result.Erase.Bytes;
        }
        return bytes + await Task.Run(() => parts.Folders.Erase(place, name), CancellationToken.None);
    }

    /// <summary>As <see cref="EraseAsync"/>; what cannot be erased is told and left to the agent's next start.</summary>
    public async Task TryAsync(string service, string place, string name)
    {
        try
        {
            await EraseAsync(place, name, CancellationToken.None);
        }
        catch (McpException e)
        {
            parts.Events.Add(new NodeEvent("staging-left", "warning", $".mcp/{place}/{name} could not be erased now and is at the agent's next start: {e.Cause ?? e.Message}") { Service = service });
        }
    }
}
