using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Mcp.Simulation;

/// <summary>What a simulated runtime refuses, as podman does: a status and its words.</summary>
internal sealed class SimulatedRefusal(int status, string message) : Exception(message)
{
    /// <summary>The HTTP status.</summary>
    public int Status => status;
}

/// <summary>The containers, images and networks of one simulated runtime, with podman's rules for names and states.</summary>
internal sealed class SimulatedContainers(TimeProvider clock, SimulatedEvents events)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SimulatedContainer> _containers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JsonObject> _networks = new(StringComparer.Ordinal);
    private readonly List<SimulatedImage> _images = [];

    /// <summary>How many run.</summary>
    public int Running
    {
        get
        {
            lock (_gate)
                return _containers.Values.Count(c => c.State == "running");
        }
    }

    /// <summary>Whether the labels hold each of <paramref name="wanted"/>, <c>key</c> or <c>key=value</c>.</summary>
    public static bool Fit(IReadOnlyDictionary<string, string> labels, IReadOnlyList<string> wanted) => wanted.All(w =>
        w.Split('=', 2) is [var key, var value] ? labels.TryGetValue(key, out var held) && held == value : labels.ContainsKey(w));

    /// <summary>All that fit, as <c>containers/json</c> tells them.</summary>
    public JsonArray List(IReadOnlyList<string> labels, string? network)
    {
        lock (_gate)
            return new JsonArray([.. _containers.Values.Where(c => Fit(c.Labels, labels) && (network is null || c.IsOn(network))).Select(c => c.ToSummary())]);
    }

    /// <summary>One container as <c>containers/{id}/json</c> tells it.</summary>
    public JsonObject Inspect(string idOrName)
    {
        lock (_gate)
            return Find(idOrName).ToDetail();
    }

    /// <summary>Makes a container from podman's create request and gives its id.</summary>
    public string Create(JsonObject request)
    {
        SimulatedContainer made;
        lock (_gate)
        {
            var name = request["name"]?.GetValue<string>() ?? throw new SimulatedRefusal(400, "a name is needed");
            RequireFree(name);
            var image = _images.Find(i => i.Answers(request["image"]?.GetValue<string>() ?? "")) ?? throw new SimulatedRefusal(404, $"no such image: {request["image"]}");
            foreach (var network in request["Networks"] as JsonObject ?? [])
            {
                if (!_networks.ContainsKey(network.Key))
                    throw new SimulatedRefusal(500, $"unable to find network with name or ID {network.Key}: network not found");
            }
            made = new SimulatedContainer
            {
                Id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)),
                Name = name,
                Image = image.Reference,
                ImageId = image.ImageId,
                ImageDigest = image.ManifestDigest,
                Request = request,
                Labels = (request["labels"] as JsonObject ?? []).ToDictionary(l => l.Key, l => l.Value?.GetValue<string>() ?? "", StringComparer.Ordinal),
                Created = clock.GetUtcNow(),
            };
            _containers.Add(made.Id, made);
        }
        events.Happened("create", made);
        return made.Id;
    }

    /// <summary>Starts a container; false when it ran already.</summary>
    public bool Start(string idOrName) => Change(idOrName, "start", c =>
    {
        if (c.State == "running")
            return false;
        (c.State, c.Started, c.Finished, c.ExitCode) = ("running", clock.GetUtcNow(), null, 0);
        c.Ended = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        return true;
    });

    /// <summary>Ends a container; false when it did not run.</summary>
    public bool Stop(string idOrName, int exitCode) => Change(idOrName, "died", c =>
    {
        if (c.State != "running")
            return false;
        (c.State, c.Finished, c.ExitCode) = ("exited", clock.GetUtcNow(), exitCode);
        c.Ended.TrySetResult(exitCode);
        return true;
    });

    /// <summary>Gives another name.</summary>
    public void Rename(string idOrName, string name) => Change(idOrName, "rename", c =>
    {
        RequireFree(name);
        c.Name = name;
        return true;
    });

    /// <summary>Removes a container; one that runs only with <paramref name="force"/>.</summary>
    public void Remove(string idOrName, bool force)
    {
        if (force)
            Stop(idOrName, 137);
        Change(idOrName, "remove", c => c.State == "running"
            ? throw new SimulatedRefusal(500, $"cannot remove container {c.Id} as it is running - running or paused containers cannot be removed without force")
            : _containers.Remove(c.Id));
    }

    /// <summary>The end of a container.</summary>
    public Task<int> WaitAsync(string idOrName)
    {
        lock (_gate)
            return Find(idOrName) is { State: "running" } running ? running.Ended.Task : Task.FromResult(Find(idOrName).ExitCode);
    }

    /// <summary>An image of the local store as <c>images/{name}/json</c> tells it.</summary>
    public JsonObject Image(string name)
    {
        lock (_gate)
            return (_images.Find(i => i.Answers(name)) ?? throw new SimulatedRefusal(404, $"no such image: {name}")).ToDetail();
    }

    /// <summary>Puts an image into the local store and gives its id.</summary>
    public string Pull(string reference)
    {
        lock (_gate)
        {
            if (_images.Find(i => i.Answers(reference)) is not { } image)
                _images.Add(image = new SimulatedImage(reference));
            return image.ImageId;
        }
    }

    /// <summary>A network as <c>networks/{name}/json</c> tells it.</summary>
    public JsonObject Network(string name)
    {
        lock (_gate)
            return (JsonObject)(_networks.GetValueOrDefault(name) ?? throw new SimulatedRefusal(404, $"unable to find network with name or ID {name}: network not found")).DeepClone();
    }

    /// <summary>Networks with all of the labels.</summary>
    public JsonArray Networks(IReadOnlyList<string> labels)
    {
        lock (_gate)
        {
            return new JsonArray([.. _networks.Values
                .Where(n => Fit((n["labels"] as JsonObject ?? []).ToDictionary(l => l.Key, l => l.Value?.GetValue<string>() ?? ""), labels))
                .Select(n => n.DeepClone())]);
        }
    }

    /// <summary>Makes a network from podman's create request.</summary>
    public JsonObject CreateNetwork(JsonObject request)
    {
        lock (_gate)
        {
            var name = request["name"]!.GetValue<string>();
            request["id"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
            request["subnets"] = new JsonArray();
            if (!_networks.TryAdd(name, request))
                throw new SimulatedRefusal(409, $"network name {name} already used: network already exists");
            return (JsonObject)request.DeepClone();
        }
    }

    /// <summary>Removes a network that no container is on.</summary>
    public void RemoveNetwork(string name)
    {
        lock (_gate)
        {
            if (_containers.Values.FirstOrDefault(c => c.IsOn(name)) is { } user)
                throw new SimulatedRefusal(409, $"\"{name}\" has associated containers with it: {user.Name}");
            if (!_networks.Remove(name))
                throw new SimulatedRefusal(404, $"unable to find network with name or ID {name}: network not found");
        }
    }

    private bool Change(string idOrName, string action, Func<SimulatedContainer, bool> change)
    {
        SimulatedContainer container;
        lock (_gate)
        {
            container = Find(idOrName);
            if (!change(container))
                return false;
        }
        events.Happened(action, container);
        return true;
    }

    private SimulatedContainer Find(string idOrName) =>
        _containers.GetValueOrDefault(idOrName) ?? _containers.Values.FirstOrDefault(c => c.Name == idOrName)
        ?? throw new SimulatedRefusal(404, $"no container with name or ID \"{idOrName}\" found: no such container");

    private void RequireFree(string name)
    {
        if (_containers.Values.FirstOrDefault(c => c.Name == name) is { } other)
            throw new SimulatedRefusal(500, $"the container name \"{name}\" is already in use by {other.Id}. You have to remove that container to be able to reuse that name: that name is already in use");
    }
}
