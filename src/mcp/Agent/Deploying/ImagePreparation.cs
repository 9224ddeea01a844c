using Mcp.Agent.Configuration;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Operations;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>An image that lies in the local store, and what it is pinned to.</summary>
internal sealed record PreparedImage(ComponentImage Pin, ImageDetail Detail);

/// <summary>
/// Makes the images of a deploy local, all of them before anything is stopped. An image is pinned at its first resolution: while the
/// definition's reference stays the same, the same image is used, by its local id, or pulled again by its digest. Only <c>--pull</c> resolves
/// anew. An image that never saw a registry is pinned by its id.
/// </summary>
internal sealed class ImagePreparation(PodmanClient podman, AgentConfiguration configuration)
{
    /// <summary>A pull into less than this would most likely fill the disk that containers write to.</summary>
    private const long MinimumFree = 512L * 1024 * 1024;

    /// <summary>The image of one component, local and pinned.</summary>
    /// <param name="component">The component.</param>
    /// <param name="known">What this reference was resolved to before, here or at the master; null: never.</param>
    /// <param name="pull">Resolve anew.</param>
    /// <param name="scope">Who watches.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="McpException">It cannot be had.</exception>
    public async Task<PreparedImage> PrepareAsync(ComponentSpec component, ComponentImage? known, bool pull, OperationScope scope, CancellationToken ct)
    {
        try
        {
            if (known is not null && !pull)
                return await PinnedAsync(component, known, scope, ct);
            var fromRegistry = !IsLocalOnly(component.Image);
            if (pull && fromRegistry)
                await PullAsync(component, component.Image, scope, ct);
            var image = await podman.InspectImageAsync(component.Image, ct);
            if (image is null && fromRegistry)
            {
                await PullAsync(component, component.Image, scope, ct);
                image = await podman.InspectImageAsync(component.Image, ct);
            }
            return image is null ? throw NotThere(component, component.Image) : new PreparedImage(PinOf(component, image), image);
        }
        catch (PodmanException e)
        {
            throw e.ToFault($"image {component.Image} of {component.Name}");
        }
    }

    /// <summary>Paths that the image declares as VOLUME and that neither a volume nor scratch covers.</summary>
    public static IReadOnlyList<string> UncoveredVolumes(ComponentSpec component, ImageDetail image)
    {
        var covers = component.Scratch.Concat(component.Volumes.Select(v => VolumeMount.TryParse(v, out var mount, out _) ? mount.ContainerPath : ""))
            .Where(p => p.Length > 0).Select(p => p.TrimEnd('/')).ToList();
        return [.. image.Volumes.Where(v => !covers.Any(c => v.TrimEnd('/') == c || v.StartsWith(c + "/", StringComparison.Ordinal))).Order(StringComparer.Ordinal)];
    }

    /// <summary>Refuses an image whose VOLUME nobody covers: podman would hand the new container an empty one at every create.</summary>
    public static void RequireCovered(ServiceSpec service, ComponentSpec component, ImageDetail image)
    {
        var uncovered = UncoveredVolumes(component, image);
        if (uncovered.Count == 0)
            return;
        var lines = string.Join(", ", uncovered.Select(v => $"\"/srv/{service.Name}/{v.Trim('/').Replace('/', '-')}:{v}\""));
        throw new McpException(FaultCode.FailedPrecondition,
            $"the image of {component.Name} declares VOLUME {string.Join(", ", uncovered)}, which the definition does not cover: it would be empty after every deploy")
        {
            Hint = $"add volumes = [{lines}] to the component {component.Name}, or list the path in scratch if losing it is right",
        };
    }

    /// <summary>What an image is pinned to.</summary>
    public static ComponentImage PinOf(ComponentSpec component, ImageDetail image) => new()
    {
        Component = component.Name,
        Reference = component.Image,
        Digest = DigestOf(component.Image, image),
        ImageId = image.Id,
    };

    /// <summary>Whether no registry can have it: podman names locally built images "localhost/…".</summary>
    public static bool IsLocalOnly(string reference) => reference.StartsWith("localhost/", StringComparison.Ordinal);

    /// <summary>The reference without tag and digest.</summary>
    public static string Repository(string reference)
    {
        var at = reference.IndexOf('@');
        var name = at >= 0 ? reference[..at] : reference;
        var colon = name.LastIndexOf(':');
        return colon > name.LastIndexOf('/') ? name[..colon] : name;
    }

    // The manifest's digest under which this repository gives exactly this image; without a registry, the id of the image.
    private static string DigestOf(string reference, ImageDetail image)
    {
        if (reference.IndexOf('@') is > 0 and var at)
            return reference[(at + 1)..];
        if (!IsLocalOnly(reference))
        {
            var prefix = Repository(reference) + "@";
            if (image.RepoDigests.FirstOrDefault(d => d.StartsWith(prefix, StringComparison.Ordinal)) is { } found)
                return found[prefix.Length..];
        }
        return IdDigest(image.Id);
    }

    private static string IdDigest(string id) => id.StartsWith("sha256:", StringComparison.Ordinal) ? id : "sha256:" + id;

    private async Task<PreparedImage> PinnedAsync(ComponentSpec component, ComponentImage known, OperationScope scope, CancellationToken ct)
    {
        var pin = new ComponentImage { Component = component.Name, Reference = component.Image, Digest = known.Digest, ImageId = known.ImageId };
        if (known.ImageId.Length > 0 && await podman.InspectImageAsync(known.ImageId, ct) is { } byId && IdDigest(byId.Id) == IdDigest(known.ImageId))
            return new PreparedImage(pin, byId);
        if (IsLocalOnly(component.Image) || known.Digest == IdDigest(known.ImageId))
        {
            // By id alone: the tag may have moved, but a copy that was loaded again has the same id.
            return await podman.InspectImageAsync(component.Image, ct) is { } byTag && IdDigest(byTag.Id) == IdDigest(known.ImageId)
                ? new PreparedImage(pin, byTag)
                : throw NotThere(component, $"{component.Image} with id {known.ImageId}");
        }
        var exact = $"{Repository(component.Image)}@{known.Digest}";
        var image = await podman.InspectImageAsync(exact, ct);
        if (image is null)
        {
            await PullAsync(component, exact, scope, ct);
            image = await podman.InspectImageAsync(exact, ct) ?? throw NotThere(component, exact);
        }
        pin.ImageId = image.Id;
        return new PreparedImage(pin, image);
    }

    private async Task PullAsync(ComponentSpec component, string reference, OperationScope scope, CancellationToken ct)
    {
        var host = await podman.HostAsync(ct);
        RequireSpace(component, host.StorageRoot);
        scope.Say($"pulling {reference}");
        var login = configuration.AuthFile is { Length: > 0 } file && File.Exists(file) ? RegistryAuthFile.Find(file, reference) : null;
        await podman.PullImageAsync(reference, login, line => scope.Say(line), ct);
    }

    private static void RequireSpace(ComponentSpec component, string storage)
    {
        if (storage.Length == 0 || !Directory.Exists(storage))
            return;
        var free = new DriveInfo(storage).AvailableFreeSpace;
        if (free < MinimumFree)
        {
            throw new McpException(FaultCode.ResourceExhausted, $"the image of {component.Name} was not pulled: {storage} has only {free / (1024 * 1024)} MiB free")
            {
                Cause = $"at least {MinimumFree / (1024 * 1024)} MiB are kept free, so that running services can still write",
                Hint = $"podman image prune; df -h {storage}",
            };
        }
    }

    private static McpException NotThere(ComponentSpec component, string what) =>
        new(FaultCode.NotFound, $"the image {what} of {component.Name} is not on this node")
        {
            Hint = "load it on the node (podman load), or let the node pull it: mcp deploy <service> --pull",
        };
}
