# Development of virtnet.libvirt; "make help" tells the targets.
.DEFAULT_GOAL := help
STAGES := lint+sanity+release-check+docs unit blocks integration-halves faults-short molecule+lab-short
ALL := lint sanity unit release-check docs blocks integration integration-11 integration-sid faults molecule test-lab \
	lab-12 lab-pull
# What only the lab has: SR-IOV, and with every other commit a boot, or bridges that filter VLANs
LAB_SHORT = sriov $(if $(filter 0,$(call HALF,0)),lab_boot,lab_vlan)
# Sandboxes mostly wait.
SIDE_BY_SIDE = $(MAKE) --no-print-directory --jobs=3 --output-sync=target --keep-going
IN_SANDBOX := tests/integration --ignore tests/integration/test_sandbox.py
NOT_LONG := -k 'not (from_one or spelling or two_thousand or no_rule_is_missed)'
# Of other releases, a few files and of these what is quick
OTHERS := $(addprefix tests/integration/test_,libraries.py schemas.py snapshot.py network_entries.py interface.py \
	upkeep.py nwfilter.py) $(NOT_LONG)
WITH := PYTHONPATH=$(CURDIR)/.cache/pylib:$(CURDIR)/tests
SYSTEM := /usr/bin/python3 -m pytest
VENV := .venv/bin/python -m pytest
.PHONY: help setup demo bench lab lint sanity unit integration molecule test-lab test changelog build clean \
	unit-debian unit-pypi integration-11 integration-12 integration-13 integration-sid integration-others \
	integration-targets integration-pypi faults faults-short faults-short-12 faults-short-13 lab-12 lab-13 lab-bare lab-pull \
	integration-halves halves-12 halves-13 halves-pypi fuzz lab-short test-all release-check quick release docs \
	blocks blocks-examples blocks-howto blocks-guides blocks-roles

help: ## Show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup: ## Install what the tests need and this machine lacks
	@tests/setup

demo: setup ## See what the collection does, on a libvirtd of its own
	@tests/demo

bench: setup ## Measure what a task costs that has nothing to do; never fails on time
	@tests/bench/run

lab: setup ## Start a libvirt host with SR-IOV in a virtual machine, and leave it running
	@tests/lab up

lint: setup ## Check the files without running them
	@tests/lint

sanity: setup ## Run ansible-test sanity
	@tests/sanity

unit: setup ## Run the unit tests, with Debian's libraries and with PyPI's
	@$(SIDE_BY_SIDE) unit-debian unit-pypi

unit-debian:
	$(WITH) $(SYSTEM) tests/unit

unit-pypi:
	$(WITH) $(VENV) tests/unit tests/browser

docs: setup ## Make the documentation site, and look for dead links and search in it
	@PATH=$(CURDIR)/.venv/bin:$$PATH .venv/bin/python docs/site/build.py
	$(WITH) $(VENV) -q tests/docs

blocks: setup ## Run every example of the documentation, twice
	@.venv/bin/python tests/blocks/extract.py
	@$(SIDE_BY_SIDE) blocks-guides blocks-howto blocks-examples blocks-roles

blocks-examples:
	$(WITH) tests/sandbox --ovs $(VENV) -q tests/blocks -k plugins

blocks-howto:
	$(WITH) tests/sandbox --ovs $(VENV) -q tests/blocks -k howto

blocks-guides:
	$(WITH) tests/sandbox --ovs $(VENV) -q tests/blocks -k "not plugins and not howto and not roles"

blocks-roles:
	$(WITH) tests/sandbox --ovs $(VENV) -q tests/blocks -k roles

integration: setup ## Run the modules against libvirtds of their own, of Debian 12 and 13
	@for debian in 12 13; do tests/sandbox --debian $$debian true || exit; done # unpacks what is missing
	@$(SIDE_BY_SIDE) integration-12 integration-13 integration-targets integration-pypi

integration-12 integration-13:
	$(WITH) tests/sandbox --debian $(@:integration-%=%) $(SYSTEM) $(IN_SANDBOX)

# Which half is whose changes with each commit.
HALF = $(shell expr \( $$(git rev-list --count HEAD) + $(1) \) % 2)

integration-halves: setup ## The same, each test on one of the two releases only
	@for debian in 12 13; do tests/sandbox --debian $$debian true || exit; done
	@$(SIDE_BY_SIDE) halves-12 halves-13 integration-targets halves-pypi

halves-12 halves-13 halves-pypi: export VIRTNET_HALVES := 1
halves-12 halves-13: halves-%:
	$(WITH) tests/sandbox --debian $* $(SYSTEM) $(IN_SANDBOX) --half $(call HALF,$*)

halves-pypi:
	$(WITH) tests/sandbox $(VENV) tests/integration -m both $(NOT_LONG) --half $(call HALF,13)

integration-others: setup ## The part for Debian 11 (libvirt 7.0) and sid (the newest) alone
	@for debian in 11 sid; do tests/sandbox --debian $$debian true || exit; done
	@$(SIDE_BY_SIDE) integration-11 integration-sid

integration-11:
	$(WITH) tests/sandbox --debian 11 $(SYSTEM) $(OTHERS)

integration-sid:
	$(WITH) tests/sandbox --debian sid $(SYSTEM) $(OTHERS)

fuzz: setup ## Give the modules 80,000 inputs, good and bad, on Debian 12 and 13 (an hour)
	@for debian in 12 13; do VIRTNET_FUZZ=2000 $(WITH) nice tests/sandbox --debian $$debian $(SYSTEM) -q \
	tests/integration/test_fuzz.py || exit; done

integration-pypi:
	$(WITH) tests/sandbox $(VENV) tests/integration -m both

integration-targets:
	$(WITH) $(SYSTEM) tests/integration/test_sandbox.py
	tests/targets
	tests/examples

faults: setup ## Break the collection in more than a thousand ways, and see what is left (half an hour)
	@tests/faults/run

faults-short: setup ## The same with a few of each, on Debian 12 and 13
	@$(SIDE_BY_SIDE) faults-short-12 faults-short-13

faults-short-12 faults-short-13: faults-short-%:
	tests/faults/run --short --debian $*

molecule: setup ## Run the scenarios of extensions/molecule
	@tests/molecule

test-lab: setup ## Run the scenarios that need the lab
	@failed=; $(MAKE) --no-print-directory lab-13 || failed=13; $(MAKE) --no-print-directory lab-bare || \
	failed="$$failed bare"; [ -z "$$failed" ] || { echo "lab: failed: $$failed"; exit 1; }

lab-short: setup ## Run those that show what only the lab has
	tests/lab molecule $(LAB_SHORT)

lab-13:
	tests/lab molecule

lab-bare:
	tests/lab --debian bare molecule

lab-pull: setup ## Run the scenario of the role pull
	tests/lab molecule lab_pull

lab-12: setup ## Run those of them that are for Debian 12 too
	tests/lab --debian 12 molecule

test: setup ## Run what fits in 40 minutes of the above
	@tests/all $(STAGES)

test-all: setup ## Run all of the above (two hours)
	@tests/all $(ALL)

quick: setup ## Test what changed since origin/main, in three minutes
	@tests/quick

build: setup ## Build the collection's archive
	@tests/release/build

release-check: setup ## Build the archive twice, import it as Galaxy does, install it and use it
	@tests/release/check

release: setup ## Make a release up to the tag: make release VERSION=1.0.0
	@tests/release/make $(VERSION)

clean: ## Remove what the tests made
	@for debian in 12 13 bare; do tests/lab --debian $$debian down; done
	rm -rf .cache .venv .nox .ansible tests/output ./*.tar.gz
